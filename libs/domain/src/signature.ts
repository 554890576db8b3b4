import { createHmac, type KeyObject, sign as signBytes } from 'node:crypto';
import type { SignatureSettings } from './signature-settings.js';
import type { SigningKey } from './signing-key.js';

/** How deliveries of a consumer are signed. */
export interface Signing {
  readonly settings: SignatureSettings;
  /** Newest first; each signs until its time (Unix ms), the first one for ever. */
  readonly keys: readonly { readonly key: SigningKey; readonly until: number }[];
}

/**
 * The `webhook-signature` header of the Standard Webhooks specification (https://www.standardwebhooks.com): for each key `v1,` and base64 of HMAC-SHA256,
 * or `v1a,` and base64 of Ed25519, over `id.timestamp.body`, separated by spaces. The bytes of `body` are signed as they are.
 */
export function sign(keys: readonly SigningKey[], id: string, timestampSeconds: number, body: Buffer): string {
  const head = `${id}.${timestampSeconds}.`;
  return keys
    .map((key) =>
      key.scheme === 'v1'
        ? `v1,${createHmac('sha256', key.secret).update(head).update(body).digest('base64')}`
        : `v1a,${signBytes(null, Buffer.concat([Buffer.from(head), body]), key.privateKey).toString('base64')}`,
    )
    .join(' ');
}

/** The headers that let the consumer verify one attempt, as a flat list of names and values: the standard ones and those of the consumer's own style. */
export function signatureHeaders({ settings, keys }: Signing, id: string, body: Buffer, nowMs: number): string[] {
  const live = keys.length === 1 ? keys : keys.filter(({ until }) => nowMs < until);
  const signers = live.map(({ key }) => key);
  const timestamp = Math.floor(nowMs / 1000);
  const { style, header, prefix, idHeader, timestampHeader, standardHeaders } = settings;
  const standard = standardHeaders || style === 'standard' ? sign(signers, id, timestamp, body) : '';
  const headers = standardHeaders ? ['webhook-id', id, 'webhook-timestamp', String(timestamp), 'webhook-signature', standard] : [];
  if (idHeader !== null) headers.push(idHeader, id);
  if (timestampHeader !== null) headers.push(timestampHeader, String(timestamp));
  if (header === null) return headers;
  if (style === 'standard') headers.push(header, standard);
  else if (style === 'timestamped') headers.push(header, timestamped(signers, timestamp, body));
  else headers.push(header, prefix + plain(signers, body));
  return headers;
}

/** `t=…,v1=…`: hex of HMAC-SHA256 over `timestamp.body`, one `v1` for each secret. */
function timestamped(keys: readonly SigningKey[], timestamp: number, body: Buffer): string {
  const signatures = secretsOf(keys).map(
    (secret) => `v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`,
  );
  return [`t=${timestamp}`, ...signatures].join(',');
}

/**
 * Hex of HMAC-SHA256 over the body alone. There is room for one signature only: the oldest secret makes it until its time is over, so that a receiver can
 * be given the new one before anything is signed with it.
 */
function plain(keys: readonly SigningKey[], body: Buffer): string {
  const oldest = secretsOf(keys).at(-1);
  return oldest === undefined ? '' : createHmac('sha256', oldest).update(body).digest('hex');
}

const secretsOf = (keys: readonly SigningKey[]): KeyObject[] => keys.flatMap((key) => (key.scheme === 'v1' ? [key.secret] : []));
