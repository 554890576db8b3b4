import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { sign, signatureHeaders } from './signature.js';
import { type SignatureSettings, STANDARD_SIGNATURE } from './signature-settings.js';
import { newSigningSecret, signingKey } from './signing-key.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('sign', () => {
  it('gives the signature of the vector that the Standard Webhooks libraries share', () => {
    const body = Buffer.from('{"test": 2432232314}');
    const signature = sign([signingKey(SECRET)], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, body);
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('agrees with the reference library for any text', () => {
    for (const text of ['', '{}', 'ünïcödé ✓', 'x'.repeat(100_000), 'a.b.c\n']) {
      const secret = newSigningSecret();
      const at = new Date(1_700_000_000_000);
      const reference = new Webhook(secret).sign('123', at, text);
      expect(sign([signingKey(secret)], '123', 1_700_000_000, Buffer.from(text))).toBe(reference);
    }
  });

  it('is verified by the reference library under either secret while one rotates', () => {
    const [present, former] = [newSigningSecret(), newSigningSecret()];
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'webhook-id': '42',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign(
        [present, former].map((secret) => signingKey(secret)),
        '42',
        timestamp,
        Buffer.from('{"a":1}'),
      ),
    };
    for (const secret of [present, former]) expect(new Webhook(secret).verify('{"a":1}', headers)).toEqual({ a: 1 });
    expect(() => new Webhook(newSigningSecret()).verify('{"a":1}', headers)).toThrow();
  });

  it('signs bytes that are no text as they are', () => {
    const [first, second] = [Buffer.from([0xff]), Buffer.from([0xfe])].map((body) => sign([signingKey(SECRET)], '1', 1, body));
    expect(first).not.toBe(second);
  });
});
const PAIR = '6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==';

describe('sign with Ed25519', () => {
  it('gives the signature of the vector that the sender of the specification’s authors has in its tests', () => {
    const body = Buffer.from('{"test": 2432232314}');
    expect(sign([signingKey(`whsk_${PAIR}`)], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, body)).toBe(
      'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
    );
  });

  it('stands beside a symmetric signature while a consumer changes over', () => {
    expect(sign([signingKey(`whsk_${PAIR}`), signingKey(SECRET)], '1', 1, Buffer.from('x'))).toMatch(
      /^v1a,[A-Za-z0-9+/]{86}== v1,[A-Za-z0-9+/]{43}=$/,
    );
  });
});

describe('signatureHeaders', () => {
  const NOW = 1_700_000_000_500;
  const body = Buffer.from('Hello, World!');
  const secretOf = (text: string): string => `whsec_${Buffer.from(text).toString('base64')}`;
  const headersOf = (settings: Partial<SignatureSettings>, ...secrets: (string | [string, number])[]): Record<string, string> => {
    const keys = secrets.map((one) =>
      typeof one === 'string' ? { key: signingKey(one), until: Infinity } : { key: signingKey(one[0]), until: one[1] },
    );
    const flat = signatureHeaders({ settings: { ...STANDARD_SIGNATURE, ...settings }, keys }, 'id-1', body, NOW);
    return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n]!, flat[2 * n + 1]!]));
  };
  const [present, former] = [secretOf('the present secret of 32 bytes!!'), secretOf('the former secret of 32 bytes!!!')];

  it('are those of the specification unless something else is wanted', () => {
    expect(headersOf({}, present)).toEqual({
      'webhook-id': 'id-1',
      'webhook-timestamp': '1700000000',
      'webhook-signature': sign([signingKey(present)], 'id-1', 1_700_000_000, body),
    });
  });

  it('carry a signature for each secret whose time is not over, newest first', () => {
    const [first, second] = [present, former].map((secret) => sign([signingKey(secret)], 'id-1', 1_700_000_000, body));
    expect(headersOf({}, present, [former, NOW + 1])['webhook-signature']).toBe(`${first} ${second}`);
    expect(headersOf({}, present, [former, NOW])['webhook-signature']).toBe(first);
  });

  it('are repeated under other names', () => {
    const headers = headersOf({ header: 'svix-signature', idHeader: 'svix-id', timestampHeader: 'svix-timestamp' }, present);
    expect(headers).toMatchObject({ 'svix-id': 'id-1', 'svix-timestamp': '1700000000', 'svix-signature': headers['webhook-signature'] });
    expect(Object.keys(headersOf({ header: 'svix-signature', standardHeaders: false }, present))).toEqual(['svix-signature']);
  });

  it('give the signature of the example in GitHub’s documentation', () => {
    const github = { style: 'hmac-sha256-hex', header: 'X-Hub-Signature-256', prefix: 'sha256=' } as const;
    expect(headersOf(github, secretOf("It's a Secret to Everybody"))['X-Hub-Signature-256']).toBe(
      'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    );
  });

  it('sign a plain digest with the former secret until its time is over', () => {
    const plain = { style: 'hmac-sha256-hex', header: 'X-Signature' } as const;
    const [withPresent, withFormer] = [headersOf(plain, present)['X-Signature'], headersOf(plain, former)['X-Signature']];
    expect(headersOf(plain, present, [former, NOW + 1])['X-Signature']).toBe(withFormer);
    expect(headersOf(plain, present, [former, NOW])['X-Signature']).toBe(withPresent);
    expect(withPresent).not.toBe(withFormer);
  });

  it('sign the time and the body, with one v1 for each secret', () => {
    const hex = (secret: string): string =>
      createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
        .update('1700000000.Hello, World!')
        .digest('hex');
    expect(headersOf({ style: 'timestamped', header: 'Stripe-Signature' }, present, [former, NOW + 1])['Stripe-Signature']).toBe(
      `t=1700000000,v1=${hex(present)},v1=${hex(former)}`,
    );
  });

  it('leave an asymmetric key that was replaced out of what only secrets can sign', () => {
    const headers = headersOf({ style: 'timestamped', header: 'X-S' }, present, [`whsk_${PAIR}`, NOW + 1]);
    expect(headers['X-S']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1a,\S+$/);
  });
});
