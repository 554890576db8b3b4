import { createHmac, createPublicKey, randomBytes, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import type { Received, Sink } from './support/sink.js';

interface ConsumerAnswer {
  signingSecret?: string;
  publicKey: string | null;
  overlapUntil: string | null;
  signature: Record<string, unknown>;
}
interface ProblemAnswer {
  code: string;
  field?: string;
  detail: string;
}

const ring = randomBytes(32).toString('base64');
let cluster: Cluster;
let channels = 0;
beforeAll(async () => {
  cluster = await Cluster.start({}, { POSTHORN_SECRET_KEY: ring });
});
afterAll(() => cluster.stop());

/** A consumer of a channel of its own, and what it gets. */
class Receiver {
  private constructor(
    readonly channel: string,
    readonly path: string,
    readonly sink: Sink,
    readonly created: ConsumerAnswer,
  ) {}

  static async of(settings: Record<string, unknown> = {}): Promise<Receiver> {
    const channel = `signing-${++channels}`;
    const sink = await cluster.sink();
    await cluster.channel(channel);
    const path = `/v1/channels/${channel}/consumers/c`;
    const created = await cluster.ok<ConsumerAnswer>('PUT', path, { url: sink.url, ...settings });
    return new Receiver(channel, path, sink, created);
  }

  put(settings: Record<string, unknown> = {}): Promise<ConsumerAnswer> {
    return cluster.ok<ConsumerAnswer>('PUT', this.path, { url: this.sink.url, ...settings });
  }

  get(): Promise<ConsumerAnswer> {
    return cluster.ok<ConsumerAnswer>('GET', this.path);
  }

  rotate(body?: Record<string, unknown>): Promise<{ signingSecret: string | null; publicKey: string | null; overlapUntil: string | null }> {
    return cluster.ok('POST', `${this.path}/rotate-secret`, body);
  }

  /** Publishes a message and answers what arrives. */
  async next(body = '{"a":1}', headers: Record<string, string> = {}): Promise<Received> {
    const { received } = this.sink;
    const before = received.length;
    await cluster.publish(this.channel, body, headers);
    return eventually(() => received[before] ?? false);
  }
}

const verifies = (secret: string, { headers, body }: Received): boolean => {
  try {
    new Webhook(secret).verify(body.toString(), headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
};
const signaturesOf = ({ headers }: Received): string[] => String(headers['webhook-signature']).split(' ');

describe('rotation', () => {
  it('signs with both secrets, newest first, until the time of the old one is over', async () => {
    const receiver = await Receiver.of();
    const old = receiver.created.signingSecret!;
    expect(await receiver.get()).toMatchObject({ overlapUntil: null, publicKey: null });
    const before = Date.now();
    const { signingSecret, overlapUntil } = await receiver.rotate({ overlapSeconds: 4 });
    expect(Math.abs(Date.parse(overlapUntil!) - before - 4_000)).toBeLessThan(2_000);
    expect((await receiver.get()).overlapUntil).toBe(overlapUntil);

    const both = await receiver.next();
    expect(signaturesOf(both)).toHaveLength(2);
    expect([verifies(signingSecret!, both), verifies(old, both)]).toEqual([true, true]);
    both.headers['webhook-signature'] = signaturesOf(both)[0]!;
    expect([verifies(signingSecret!, both), verifies(old, both)]).toEqual([true, false]);

    // Nothing is written when the time is over: the dispatcher that knows the consumer stops by the clock.
    await eventually(async () => signaturesOf(await receiver.next()).length === 1, 15_000, 300);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(overlapUntil!));
    const after = await receiver.next();
    expect([verifies(signingSecret!, after), verifies(old, after)]).toEqual([true, false]);
    expect((await receiver.get()).overlapUntil).toBeNull();
  });

  it('overlaps for 24 hours unless told otherwise, and ends every older secret at once with 0', async () => {
    const receiver = await Receiver.of();
    const first = await receiver.rotate();
    expect(Math.round((Date.parse(first.overlapUntil!) - Date.now()) / 3_600_000)).toBe(24);
    const second = await receiver.rotate({ overlapSeconds: 3600 });
    expect(signaturesOf(await receiver.next())).toHaveLength(3);
    expect(Date.parse(second.overlapUntil!)).toBeLessThan(Date.now() + 3_700_000);
    const third = await receiver.rotate({ overlapSeconds: 0 });
    expect(third.overlapUntil).toBeNull();
    const last = await receiver.next();
    expect(signaturesOf(last)).toHaveLength(1);
    expect(verifies(third.signingSecret!, last)).toBe(true);
  });

  it('is refused when four former secrets still sign', async () => {
    const receiver = await Receiver.of();
    for (let n = 0; n < 4; n++) await receiver.rotate();
    const answer = await cluster.api<ProblemAnswer>('POST', `${receiver.path}/rotate-secret`, {});
    expect([answer.status, answer.body.code]).toEqual([409, 'conflict']);
    expect(signaturesOf(await receiver.next())).toHaveLength(5);
    await receiver.rotate({ overlapSeconds: 0 });
  });

  it.each([
    [{ overlapSeconds: -1 }, 'overlapSeconds'],
    [{ overlapSeconds: 2_592_001 }, 'overlapSeconds'],
    [{ overlapSeconds: 1.5 }, 'overlapSeconds'],
    [{ signingSecret: 'short' }, 'signingSecret'],
    [{ signingSecret: `whsec_${Buffer.alloc(23).toString('base64')}` }, 'signingSecret'],
    [{ signingSecret: `whsk_${randomBytes(32).toString('base64')}` }, 'signingSecret'],
    [{ secret: 'x' }, 'secret'],
  ])('refuses %j, naming the field', async (body, field) => {
    const receiver = await Receiver.of();
    const answer = await cluster.api<ProblemAnswer>('POST', `${receiver.path}/rotate-secret`, body);
    expect(answer.body).toMatchObject({ code: 'validation-failed', field });
    expect(verifies(receiver.created.signingSecret!, await receiver.next())).toBe(true);
  });

  it('of many at once loses none of the secrets that were handed out', async () => {
    const receiver = await Receiver.of();
    const answers = await Promise.all([receiver.rotate(), receiver.rotate(), receiver.rotate()]);
    const delivered = await receiver.next();
    for (const { signingSecret } of answers) expect(verifies(signingSecret!, delivered)).toBe(true);
    expect(verifies(receiver.created.signingSecret!, delivered)).toBe(true);
  });
});

describe('a secret of one’s own', () => {
  const own = (text: string): string => `whsec_${Buffer.from(text.padEnd(24, '.')).toString('base64')}`;

  it('signs from the creation on, stays when it is put again, and is replaced with an overlap by another', async () => {
    const receiver = await Receiver.of({ signingSecret: own('first') });
    expect(receiver.created.signingSecret).toBe(own('first'));
    expect(verifies(own('first'), await receiver.next())).toBe(true);
    expect(await receiver.put({ signingSecret: own('first') })).toMatchObject({ overlapUntil: null });
    const replaced = await receiver.put({ signingSecret: own('second') });
    expect(replaced).not.toHaveProperty('signingSecret');
    expect(Math.round((Date.parse(replaced.overlapUntil!) - Date.now()) / 3_600_000)).toBe(24);
    const both = await receiver.next();
    expect([verifies(own('first'), both), verifies(own('second'), both)]).toEqual([true, true]);
    expect((await receiver.put({})).overlapUntil).toBe(replaced.overlapUntil);
  });

  it('is taken by a rotation; the present one again only ends the overlap', async () => {
    const receiver = await Receiver.of();
    expect(await receiver.rotate({ signingSecret: own('mine') })).toMatchObject({ signingSecret: own('mine') });
    expect(signaturesOf(await receiver.next())).toHaveLength(2);
    expect(await receiver.rotate({ signingSecret: own('mine'), overlapSeconds: 0 })).toMatchObject({ overlapUntil: null });
    const alone = await receiver.next();
    expect([signaturesOf(alone).length, verifies(own('mine'), alone)]).toEqual([1, true]);
  });

  it.each([[own('x').slice(0, -4)], ['a secret of the wrong form'], [`whsec_${Buffer.alloc(65).toString('base64')}`]])(
    'is not %j',
    async (signingSecret) => {
      await cluster.channel('own');
      const path = '/v1/channels/own/consumers/c';
      const answer = await cluster.api<ProblemAnswer>('PUT', path, { url: 'http://127.0.0.1:9/', signingSecret });
      expect(answer.body).toMatchObject({ code: 'validation-failed', field: 'signingSecret' });
      expect(JSON.stringify(answer.body)).not.toContain(signingSecret.slice(6, 40));
    },
  );
});

describe('the scheme v1a', () => {
  const verifiesPublicly = (publicKey: string, { headers, body }: Received): boolean => {
    const key = createPublicKey({
      key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(publicKey.slice(5), 'base64')]),
      format: 'der',
      type: 'spki',
    });
    const signed = Buffer.concat([Buffer.from(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.`), body]);
    return signaturesOf({ headers } as Received).some(
      (one) => one.startsWith('v1a,') && verify(null, signed, key, Buffer.from(one.slice(4), 'base64')),
    );
  };

  it('shows the public key, never the private one, and is verified with it', async () => {
    const receiver = await Receiver.of({ signature: { scheme: 'v1a' } });
    const { publicKey } = await receiver.get();
    expect(receiver.created).toMatchObject({ publicKey, signature: { scheme: 'v1a', style: 'standard' } });
    expect(receiver.created).not.toHaveProperty('signingSecret');
    expect(publicKey).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
    const delivered = await receiver.next();
    expect(verifiesPublicly(publicKey!, delivered)).toBe(true);
    delivered.body = Buffer.from('{"a":2}');
    expect(verifiesPublicly(publicKey!, delivered)).toBe(false);
  });

  it('is rotated, with a key of one’s own too', async () => {
    const receiver = await Receiver.of({ signature: { scheme: 'v1a' } });
    const before = receiver.created.publicKey!;
    const after = await receiver.rotate();
    expect(after.signingSecret).toBeNull();
    const both = await receiver.next();
    expect([verifiesPublicly(before, both), verifiesPublicly(after.publicKey!, both)]).toEqual([true, true]);
    const pair = '6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==';
    const own = await receiver.rotate({ signingSecret: `whsk_${pair}`, overlapSeconds: 0 });
    expect(own.publicKey).toBe('whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=');
    expect(verifiesPublicly(own.publicKey!, await receiver.next())).toBe(true);
  });

  it('is changed to and back with an overlap: the secret is shown when one is made', async () => {
    const receiver = await Receiver.of();
    const changed = await receiver.put({ signature: { scheme: 'v1a' } });
    expect(changed).not.toHaveProperty('signingSecret');
    const both = await receiver.next();
    expect([verifies(receiver.created.signingSecret!, both), verifiesPublicly(changed.publicKey!, both)]).toEqual([true, true]);
    expect(signaturesOf(both).map((one) => one.split(',')[0])).toEqual(['v1a', 'v1']);
    const back = await receiver.put({});
    expect(back).toMatchObject({ publicKey: null, signingSecret: expect.stringMatching(/^whsec_/) });
    expect(verifies(back.signingSecret!, await receiver.next())).toBe(true);
  });
});

describe('another style', () => {
  const bytesOf = (secret: string): Buffer => Buffer.from(secret.slice(6), 'base64');

  it('signs the body in hex, beside the standard headers', async () => {
    const signature = { style: 'hmac-sha256-hex', header: 'X-Hub-Signature-256', prefix: 'sha256=' };
    const receiver = await Receiver.of({ signature });
    const secret = receiver.created.signingSecret!;
    expect((await receiver.get()).signature).toMatchObject({ ...signature, scheme: 'v1', standardHeaders: true, idHeader: null });
    const delivered = await receiver.next();
    expect(delivered.headers['x-hub-signature-256']).toBe(
      `sha256=${createHmac('sha256', bytesOf(secret)).update(delivered.body).digest('hex')}`,
    );
    expect(verifies(secret, delivered)).toBe(true);
  });

  it('signs time and body, and takes the place of the standard headers when they are turned off', async () => {
    const signature = { style: 'timestamped', header: 'Acme-Signature', idHeader: 'Acme-Id', standardHeaders: false };
    const receiver = await Receiver.of({ signature });
    const { headers, body } = await receiver.next();
    const [, time, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['acme-signature'])) ?? [];
    expect(Math.abs(Number(time) * 1000 - Date.now())).toBeLessThan(10_000);
    expect(hex).toBe(createHmac('sha256', bytesOf(receiver.created.signingSecret!)).update(`${time}.`).update(body).digest('hex'));
    expect(headers['acme-id']).toMatch(/^\d+$/);
    expect(Object.keys(headers).filter((name) => name.startsWith('webhook-'))).toEqual([]);
  });

  it('is not forged by a producer’s header of the same name', async () => {
    const receiver = await Receiver.of({ signature: { style: 'hmac-sha256-hex', header: 'X-Sig' } });
    const delivered = await receiver.next('{"a":1}', { 'posthorn-header-x-sig': 'forged', 'posthorn-header-x-other': 'kept' });
    expect(delivered.headers['x-sig']).toMatch(/^[0-9a-f]{64}$/);
    expect(delivered.headers['x-other']).toBe('kept');
  });

  it.each([
    [{ signature: { style: 'md5' } }, 'signature.style'],
    [{ signature: { style: 'timestamped', scheme: 'v1a' } }, 'signature.scheme'],
    [{ signature: { header: 'webhook-id' } }, 'signature.header'],
    [{ signature: { standardHeaders: false } }, 'signature.standardHeaders'],
    [{ signature: 'standard' }, 'signature'],
    [{ signature: { header: 'X-A' }, headers: { 'x-a': 'b' } }, 'headers.x-a'],
    [{ signature: { scheme: 'v1a' }, signingSecret: `whsec_${Buffer.alloc(32).toString('base64')}` }, 'signingSecret'],
  ])('refuses %j, naming %s', async (settings, field) => {
    await cluster.channel('styles');
    const answer = await cluster.api<ProblemAnswer>('PUT', '/v1/channels/styles/consumers/c', { url: 'http://127.0.0.1:9/', ...settings });
    expect(answer.body).toMatchObject({ code: 'validation-failed', field });
  });
});

it('a consumer whose key is lost waits alone: its attempts are recorded and spared, the others get theirs', async () => {
  const [lost, other] = [await Receiver.of({ retry: { delays: [] } }), await Receiver.of()];
  await cluster.database.query(
    `UPDATE consumer c JOIN channel h ON h.id = c.channel_id SET c.signing_secret = 's1.00000000.AAAA', c.version = c.version + 1 WHERE h.name = ?`,
    [lost.channel],
  );
  const id = await cluster.publish(lost.channel, 'x');
  expect(verifies(other.created.signingSecret!, await other.next())).toBe(true);
  const found = await eventually(async () => {
    const delivery = await cluster.delivery(lost.channel, id, 'c');
    return delivery.status === 'retry-delivery' && delivery;
  });
  expect(found.attemptLog[0]).toMatchObject({ errorClass: 'secret-unavailable', httpCode: null });
  expect(lost.sink.received).toEqual([]);
  // A new secret mends it.
  await lost.rotate({ overlapSeconds: 0 });
  await lost.next('mended');
});
