import { Webhook } from 'standardwebhooks';
import { Problem } from './problem.js';
import { newSigningSecret, secretBytes, sign } from './signature.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('sign', () => {
  it('gives the signature of the vector that the Standard Webhooks libraries share', () => {
    const body = Buffer.from('{"test": 2432232314}');
    const signature = sign([secretBytes(SECRET)], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, body);
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('agrees with the reference library for any text', () => {
    for (const text of ['', '{}', 'ünïcödé ✓', 'x'.repeat(100_000), 'a.b.c\n']) {
      const secret = newSigningSecret();
      const at = new Date(1_700_000_000_000);
      const reference = new Webhook(secret).sign('123', at, text);
      expect(sign([secretBytes(secret)], '123', 1_700_000_000, Buffer.from(text))).toBe(reference);
    }
  });

  it('is verified by the reference library under either secret while one rotates', () => {
    const [present, former] = [newSigningSecret(), newSigningSecret()];
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'webhook-id': '42',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign([present, former].map(secretBytes), '42', timestamp, Buffer.from('{"a":1}')),
    };
    for (const secret of [present, former]) expect(new Webhook(secret).verify('{"a":1}', headers)).toEqual({ a: 1 });
    expect(() => new Webhook(newSigningSecret()).verify('{"a":1}', headers)).toThrow();
  });

  it('signs bytes that are no text as they are', () => {
    const [first, second] = [Buffer.from([0xff]), Buffer.from([0xfe])].map((body) => sign([secretBytes(SECRET)], '1', 1, body));
    expect(first).not.toBe(second);
  });
});

const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`;

describe('secretBytes', () => {
  it('takes 24 to 64 bytes', () => {
    expect([24, 32, 64].map((bytes) => secretBytes(of(bytes)).length)).toEqual([24, 32, 64]);
    expect(secretBytes(newSigningSecret())).toHaveLength(32);
  });

  it.each([
    of(23),
    of(65),
    '',
    'whsec_',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    `${SECRET} `,
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_',
    'whsec_!',
  ])('refuses %j', (secret) => {
    expect(() => secretBytes(secret)).toThrow(Problem);
  });
});
