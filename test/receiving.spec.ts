import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { newSigningSecret, publicKeyOf, sign, signingKey } from '@app/domain';
import { Cluster } from './support/cluster.js';
import { eventually } from './support/eventually.js';
import type { Received, Sink } from './support/sink.js';
import { type Given, missing, publicVerifiers, secretVerifiers, snippet, verdicts } from './support/snippets.js';

const PAGE = 'docs/receiving.md';
const TEXT = Buffer.from('{"customer":"Jürgen ✓","total":120}\n');
const BYTES = Buffer.from([0, 0xff, 0xfe, 0x0a, 0x0d, 0x2e, 0xc3]);

interface ConsumerAnswer {
  signingSecret?: string;
  publicKey: string | null;
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ schedulers: 1 });
  await cluster.channel('receiving');
});
afterAll(() => cluster.stop());

async function register(name: string, settings: Record<string, unknown> = {}): Promise<{ sink: Sink; path: string } & ConsumerAnswer> {
  const sink = await cluster.sink();
  const at = `/v1/channels/receiving/consumers/${name}`;
  return { sink, path: at, ...(await cluster.ok<ConsumerAnswer>('PUT', at, { url: sink.url, ...settings })) };
}

/** What one consumer gets of what is published now. */
async function received(sink: Sink, payload: Uint8Array, headers: Record<string, string> = {}): Promise<Received> {
  const id = await cluster.publish('receiving', payload, headers);
  return eventually(() => sink.received.find((one) => one.headers['webhook-id'] === id) ?? false);
}

const givenOf = (key: string, { headers, body }: Received): Given => ({
  key,
  id: String(headers['webhook-id']),
  timestamp: String(headers['webhook-timestamp']),
  signatures: String(headers['webhook-signature']),
  body,
});

/** As the dispatcher signs, at another time. */
function signedAt(secret: string, offsetSeconds: number, key = secret): Given {
  const timestamp = Math.floor(Date.now() / 1000) + offsetSeconds;
  return { key, id: '42', timestamp: String(timestamp), signatures: sign([signingKey(secret)], '42', timestamp, TEXT), body: TEXT };
}

type Case = [name: string, genuine: boolean, given: Given];

/** Genuine and forged requests, most of them made of real ones. */
function forged(secret: string, key: string, otherKey: string, real: Received): Case[] {
  const given = givenOf(key, real);
  const [version = ''] = given.signatures.split(',');
  const later = String(Number(given.timestamp) + 1);
  const body = Buffer.concat([real.body, Buffer.from(' ')]);
  const tampered = Buffer.from(real.body);
  tampered[0]! ^= 1;
  return [
    ['a changed body', false, { ...given, body: tampered }],
    ['a longer body', false, { ...given, body }],
    ['no body', false, { ...given, body: Buffer.alloc(0) }],
    ['another id', false, { ...given, id: `${given.id}0` }],
    ['another time', false, { ...given, timestamp: later }],
    ['another key', false, { ...given, key: otherKey }],
    ['six minutes ago', false, signedAt(secret, -360, key)],
    ['in six minutes', false, signedAt(secret, 360, key)],
    ['four minutes ago', true, signedAt(secret, -240, key)],
    ['no signature', false, { ...given, signatures: '' }],
    ['no time', false, { ...given, timestamp: '' }],
    ['a time that is no number', false, { ...given, timestamp: 'now' }],
    ['a version without a signature', false, { ...given, signatures: `${version},` }],
    ['a signature of nothing that is known', false, { ...given, signatures: given.signatures.replace(version, 'v9') }],
    ['a signature among others', true, { ...given, signatures: `v9,AAAA ${version},AAAA ${given.signatures} v2,BBBB` }],
    ['a signature that is no base64', false, { ...given, signatures: `${version},%%% ${version},ä` }],
  ];
}

/** One verdict for each case, so that a failure names it. */
const named = (cases: readonly Case[], answers: readonly unknown[]) => cases.map(([name], n) => [name, answers[n]]);
const expected = (cases: readonly Case[]) => cases.map(([name, genuine]) => [name, genuine]);

describe('the code on the page that verifies with a secret', () => {
  let cases: Case[];
  beforeAll(async () => {
    const { sink, path: at, signingSecret } = await register('secret');
    const [text, bytes] = [await received(sink, TEXT), await received(sink, BYTES, { 'content-type': 'application/octet-stream' })];
    const { signingSecret: next } = await cluster.ok<{ signingSecret: string }>('POST', `${at}/rotate-secret`, { overlapSeconds: 3600 });
    const rotated = await received(sink, TEXT);
    expect([text, bytes, rotated].map(({ body }) => body)).toEqual([TEXT, BYTES, TEXT]);
    expect(String(rotated.headers['webhook-signature']).split(' ')).toHaveLength(2);
    const [secret, other] = [signingSecret!, newSigningSecret()];
    cases = [
      ['a real delivery', true, givenOf(secret, text)],
      ['a real delivery of bytes that are no text', true, givenOf(secret, bytes)],
      ['while the secret rotates, with the new one', true, givenOf(next, rotated)],
      ['while the secret rotates, with the old one', true, givenOf(secret, rotated)],
      ['while the secret rotates, with neither', false, givenOf(other, rotated)],
      ...forged(secret, secret, other, text),
    ];
  });

  for (const language of secretVerifiers) {
    const reason = missing(language);
    (reason ? it.skip : it)(`tells genuine from forged in ${language.name}${reason ? `: ${reason}` : ''}`, async () => {
      expect(
        named(
          cases,
          await verdicts(
            PAGE,
            language,
            cases.map(([, , given]) => given),
          ),
        ),
      ).toEqual(expected(cases));
    });
  }
});

describe('the code on the page that verifies with a public key', () => {
  let cases: Case[];
  beforeAll(async () => {
    const [secret, other] = [newSigningSecret('v1a'), publicKeyOf(signingKey(newSigningSecret('v1a')))!];
    const { sink, path: at, publicKey } = await register('public', { signature: { scheme: 'v1a' }, signingSecret: secret });
    const real = await received(sink, BYTES);
    const next = await cluster.ok<ConsumerAnswer>('POST', `${at}/rotate-secret`, {});
    const rotated = await received(sink, TEXT);
    cases = [
      ['a real delivery', true, givenOf(publicKey!, real)],
      ['while the key rotates, with the new one', true, givenOf(next.publicKey!, rotated)],
      ['while the key rotates, with the old one', true, givenOf(publicKey!, rotated)],
      ['while the key rotates, with neither', false, givenOf(other, rotated)],
      ...forged(secret, publicKey!, other, real),
    ];
  });

  for (const language of publicVerifiers) {
    const reason = missing(language);
    (reason ? it.skip : it)(`tells genuine from forged in ${language.name}${reason ? `: ${reason}` : ''}`, async () => {
      expect(
        named(
          cases,
          await verdicts(
            PAGE,
            language,
            cases.map(([, , given]) => given),
          ),
        ),
      ).toEqual(expected(cases));
    });
  }
});

interface Styles {
  verifyPlain: (secret: string, header: string, body: Buffer, prefix?: string) => boolean;
  verifyTimestamped: (secret: string, header: string, body: Buffer) => boolean;
}

describe('the code on the page for other styles', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'posthorn-snippet-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let styles: Styles;
  beforeAll(async () => {
    const file = path.join(folder, 'verify-styles.mjs');
    writeFileSync(file, snippet(PAGE, 'verify-styles.mjs'));
    styles = (await import(pathToFileURL(file).href)) as Styles;
  });

  it('tells genuine from forged digests of the body', async () => {
    const { sink, signingSecret } = await register('plain', {
      signature: { style: 'hmac-sha256-hex', header: 'X-Hub-Signature-256', prefix: 'sha256=' },
    });
    const { headers, body } = await received(sink, BYTES);
    const header = String(headers['x-hub-signature-256']);
    expect(styles.verifyPlain(signingSecret!, header, body)).toBe(true);
    expect(styles.verifyPlain(signingSecret!, header, TEXT)).toBe(false);
    expect(styles.verifyPlain(newSigningSecret(), header, body)).toBe(false);
    for (const wrong of ['', header.slice(0, -1), header.slice(7), `ä${header.slice(1)}`])
      expect(styles.verifyPlain(signingSecret!, wrong, body)).toBe(false);
  });

  it('tells genuine from forged and stale ones of time and body', async () => {
    const { sink, path: at, signingSecret } = await register('timed', { signature: { style: 'timestamped', header: 'Stripe-Signature' } });
    const { signingSecret: next } = await cluster.ok<{ signingSecret: string }>('POST', `${at}/rotate-secret`, {});
    const { headers, body } = await received(sink, TEXT);
    const header = String(headers['stripe-signature']);
    for (const secret of [signingSecret!, next]) expect(styles.verifyTimestamped(secret, header, body)).toBe(true);
    expect(styles.verifyTimestamped(newSigningSecret(), header, body)).toBe(false);
    expect(styles.verifyTimestamped(next, header, BYTES)).toBe(false);
    const [, timestamp = ''] = /t=(\d+)/.exec(header) ?? [];
    expect(styles.verifyTimestamped(next, header.replace(timestamp, String(Number(timestamp) - 600)), body)).toBe(false);
    for (const wrong of ['', 't', 'v1=', `t=${timestamp}`, `t=${timestamp},v1=ab`])
      expect(styles.verifyTimestamped(next, wrong, body)).toBe(false);
  });
});

describe('the table of headers', () => {
  const documented = readFileSync(PAGE, 'utf8')
    .split('## The request')[1]!
    .split('\n## ')[0]!
    .split('\n')
    .flatMap((line) => (line.startsWith('| `') ? [...line.split('|')[1]!.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!) : []));

  it('has every header of a delivery, and none that is never sent', async () => {
    const headers = { 'x-own': 'static' };
    const auth = { type: 'basic', username: 'u', password: 'p' };
    const { sink, path: at } = await register('all', { headers, auth });
    const batched = await register('batched', { batch: { maxMessages: 1 } });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const full = await received(sink, TEXT, { 'posthorn-type': 'order.paid', 'posthorn-header-x-region': 'eu', traceparent });
    const batch = await eventually(() => batched.sink.received[0] ?? false);
    await cluster.ok('POST', `${at}/test?waitMs=10000`, {});
    const test = sink.received.find((one) => one.headers['posthorn-test'] === 'true')!;
    await cluster.ok('POST', `${at}/replay`, {});
    const replay = await eventually(() => sink.received.find((one) => one.headers['posthorn-replay']) ?? false);
    const sent = new Set([full, batch, test, replay].flatMap((one) => Object.keys(one.headers)));
    for (const own of ['x-own', 'x-region']) expect(sent.delete(own)).toBe(true);
    expect([...sent].toSorted()).toEqual(documented.toSorted());
  });
});
