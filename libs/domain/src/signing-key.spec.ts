import { createPublicKey, verify } from 'node:crypto';
import { Problem } from './problem.js';
import { judgeSigningSecret, newSigningSecret, publicKeyOf, signingKey } from './signing-key.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** Seed and public key of the vector that Svix publishes. */
const PAIR = Buffer.from('6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==', 'base64');
const symmetric = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`;
const asymmetric = (bytes: Buffer): string => `whsk_${bytes.toString('base64')}`;

function bytesOf(secret: string): Buffer | undefined {
  const key = signingKey(secret);
  return key.scheme === 'v1' ? key.secret.export() : undefined;
}

describe('a symmetric secret', () => {
  it('holds 24 to 64 bytes, a new one 32', () => {
    for (const bytes of [24, 32, 64]) expect(bytesOf(symmetric(bytes))).toEqual(Buffer.alloc(bytes, 1));
    expect(bytesOf(newSigningSecret())).toHaveLength(32);
    expect(newSigningSecret()).not.toBe(newSigningSecret());
    expect(publicKeyOf(signingKey(SECRET))).toBeNull();
  });

  it.each([
    symmetric(23),
    symmetric(65),
    '',
    'whsec_',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    `${SECRET} `,
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_',
    'whsec_!',
  ])('is not %j', (secret) => {
    expect(() => signingKey(secret)).toThrow(Problem);
    expect(() => signingKey(secret)).toThrow(/whsec_ and base64 of 24 to 64 bytes/);
  });
});

describe('an asymmetric key', () => {
  it('is a seed, with or without its public key, which is told as whpk_', () => {
    const pk = `whpk_${PAIR.subarray(32).toString('base64')}`;
    for (const bytes of [PAIR, PAIR.subarray(0, 32)]) expect(publicKeyOf(signingKey(asymmetric(bytes)))).toBe(pk);
  });

  it('is made new, with its public key', () => {
    const secret = newSigningSecret('v1a');
    expect(secret).toMatch(/^whsk_[A-Za-z0-9+/]{86}==$/);
    const key = signingKey(secret);
    if (key.scheme !== 'v1a') throw new Error('not asymmetric');
    expect(verify(null, Buffer.from('x'), createPublicKey(key.privateKey), Buffer.alloc(64))).toBe(false);
    expect(publicKeyOf(key)).toBe(`whpk_${Buffer.from(secret.slice(5), 'base64').subarray(32).toString('base64')}`);
  });

  it.each([
    ['too short', asymmetric(PAIR.subarray(0, 31))],
    ['too long', asymmetric(Buffer.concat([PAIR, Buffer.alloc(1)]))],
    ['with the public key of another', asymmetric(Buffer.concat([PAIR.subarray(0, 32), Buffer.alloc(32, 7)]))],
    ['no base64', 'whsk_!'],
    ['a public key', `whpk_${PAIR.subarray(32).toString('base64')}`],
  ])('is not one that is %s, and the refusal does not repeat it', (_what, secret) => {
    expect(() => signingKey(secret)).toThrow(Problem);
    expect(() => signingKey(secret)).toThrow(expect.not.objectContaining({ message: expect.stringContaining(secret.slice(5)) }));
  });
});

describe('judgeSigningSecret', () => {
  it.each([
    [SECRET, 'v1', undefined],
    [asymmetric(PAIR), 'v1a', undefined],
    [SECRET, 'v1a', 'must begin with whsk_: the scheme of the signature is v1a'],
    [asymmetric(PAIR), 'v1', 'must begin with whsec_: the scheme of the signature is v1'],
    [symmetric(65), 'v1', 'must be whsec_ and base64 of 24 to 64 bytes'],
  ] as const)('says of %.12s… for %s: %s', (secret, scheme, message) => {
    expect(judgeSigningSecret(secret, scheme)).toEqual(message === undefined ? [] : [{ field: 'signingSecret', message }]);
  });
});
