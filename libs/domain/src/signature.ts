import { createHmac, randomBytes } from 'node:crypto';
import { Problem } from './problem.js';

/** Webhook signatures after the Standard Webhooks specification (https://www.standardwebhooks.com), symmetric scheme `v1`. */
const PREFIX = 'whsec_';
const MIN_BYTES = 24;
const MAX_BYTES = 64;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** A new secret of 32 random bytes, as `whsec_` and base64. */
export const newSigningSecret = (): string => PREFIX + randomBytes(32).toString('base64');

/** The key within a `whsec_…` secret. Throws {@link Problem} `validation-failed` unless it is base64 of 24 to 64 bytes. */
export function secretBytes(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const bytes = Buffer.from(text, 'base64');
  if (!BASE64.test(text) || bytes.toString('base64') !== text || bytes.length < MIN_BYTES || bytes.length > MAX_BYTES) {
    throw new Problem('validation-failed', `a signing secret is ${PREFIX} and base64 of ${MIN_BYTES} to ${MAX_BYTES} bytes`, {
      field: 'signingSecret',
    });
  }
  return bytes;
}

/**
 * The `webhook-signature` header: for each secret `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, separated by spaces.
 * Several secrets while one rotates. The bytes of `body` are signed as they are.
 */
export function sign(secrets: readonly Buffer[], id: string, timestampSeconds: number, body: Buffer): string {
  const head = `${id}.${timestampSeconds}.`;
  return secrets.map((secret) => `v1,${createHmac('sha256', secret).update(head).update(body).digest('base64')}`).join(' ');
}
