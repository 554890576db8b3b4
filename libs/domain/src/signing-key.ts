import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { type FieldProblem, Problem } from './problem.js';

/** The schemes of the Standard Webhooks specification: `v1` is HMAC-SHA256 with a secret that both sides hold, `v1a` is Ed25519. */
export const signatureSchemes = ['v1', 'v1a'] as const;
export type SignatureScheme = (typeof signatureSchemes)[number];

/** What signs: the bytes of a `whsec_…` secret (as a key made once: 2.9 against 4.5 µs a signature), or the private key of a `whsk_…` one. */
export type SigningKey = { readonly scheme: 'v1'; readonly secret: KeyObject } | { readonly scheme: 'v1a'; readonly privateKey: KeyObject };

const PREFIX = { v1: 'whsec_', v1a: 'whsk_' } as const;
const PUBLIC_PREFIX = 'whpk_';
const MIN_BYTES = 24;
const MAX_BYTES = 64;
/** Of an Ed25519 key (RFC 8032): the seed, and the public key. */
const KEY_BYTES = 32;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** PKCS #8 of an Ed25519 seed (RFC 8410, 7), without the seed. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A new one: 32 random bytes as `whsec_` and base64, or an Ed25519 key as `whsk_` and base64 of seed and public key. */
export function newSigningSecret(scheme: SignatureScheme = 'v1'): string {
  if (scheme === 'v1') return PREFIX.v1 + randomBytes(32).toString('base64');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-KEY_BYTES);
  return PREFIX.v1a + Buffer.concat([seed, publicBytes(publicKey)]).toString('base64');
}

/**
 * The key of a secret: `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and base64 of an Ed25519 seed (32 bytes), with or without its public key
 * (64 bytes). Throws {@link Problem} `validation-failed`, which does not repeat the text.
 */
export function signingKey(secret: string, field = 'signingSecret'): SigningKey {
  const scheme = secret.startsWith(PREFIX.v1a) ? 'v1a' : 'v1';
  const bytes = secret.startsWith(PREFIX[scheme]) ? bytesOf(secret.slice(PREFIX[scheme].length)) : undefined;
  if (scheme === 'v1a') {
    const privateKey = bytes && privateKeyOf(bytes);
    if (privateKey) return { scheme, privateKey };
    throw refused(field, `${PREFIX.v1a} and base64 of an Ed25519 key: its seed of 32 bytes, or seed and public key, 64 bytes`);
  }
  if (bytes && bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES) return { scheme, secret: createSecretKey(bytes) };
  throw refused(field, `${PREFIX.v1} and base64 of ${MIN_BYTES} to ${MAX_BYTES} bytes`);
}

/** What is wrong with a secret that a caller brings for a scheme; nothing when it can sign. */
export function judgeSigningSecret(secret: string, scheme: SignatureScheme, field = 'signingSecret'): readonly FieldProblem[] {
  if (secret.startsWith(PREFIX.v1a) !== (scheme === 'v1a')) {
    return [{ field, message: `must begin with ${PREFIX[scheme]}: the scheme of the signature is ${scheme}` }];
  }
  try {
    signingKey(secret, field);
    return [];
  } catch (error) {
    if (error instanceof Problem && error.errors) return error.errors;
    throw error;
  }
}

/** The public half, `whpk_` and base64, with which a receiver verifies; null when both sides hold the same secret. */
export const publicKeyOf = (key: SigningKey): string | null =>
  key.scheme === 'v1' ? null : PUBLIC_PREFIX + publicBytes(createPublicKey(key.privateKey)).toString('base64');

const publicBytes = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);

function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return BASE64.test(text) && bytes.toString('base64') === text ? bytes : undefined;
}

function privateKeyOf(bytes: Buffer): KeyObject | undefined {
  if (bytes.length !== KEY_BYTES && bytes.length !== 2 * KEY_BYTES) return undefined;
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, bytes.subarray(0, KEY_BYTES)]), format: 'der', type: 'pkcs8' });
  const said = bytes.subarray(KEY_BYTES);
  return said.length === 0 || publicBytes(createPublicKey(privateKey)).equals(said) ? privateKey : undefined;
}

const refused = (field: string, form: string): Problem => Problem.invalid([{ field, message: `must be ${form}` }]);
