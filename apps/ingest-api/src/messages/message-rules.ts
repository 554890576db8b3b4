import { hash } from 'node:crypto';
import type { Id } from '@app/domain';
import type { NewMessage } from '@app/storage';

/** Words of visible ASCII, a blank between them. */
export const VISIBLE = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
const TYPE = /^[A-Za-z0-9._:/-]{1,200}$/;
const CONTENT_TYPE = /^[\x20-\x7e]{1,255}$/;
const MAX_IDEMPOTENCY_KEY = 255;
const MAX_ORDERING_KEY = 200;

interface TextRule {
  ok: (text: string) => boolean;
  message: string;
}

/** What texts a producer may say about a message, by a header or in a batch. */
export const textRules = {
  idempotencyKey: {
    ok: (text) => text.length <= MAX_IDEMPOTENCY_KEY && VISIBLE.test(text),
    message: `must be 1 to ${MAX_IDEMPOTENCY_KEY} visible ASCII characters`,
  },
  type: { ok: (text) => TYPE.test(text), message: 'must be 1 to 200 of A-Z a-z 0-9 . _ : / -' },
  orderingKey: {
    ok: (text) => text.length <= MAX_ORDERING_KEY && VISIBLE.test(text),
    message: `must be 1 to ${MAX_ORDERING_KEY} visible ASCII characters`,
  },
  contentType: { ok: (text) => CONTENT_TYPE.test(text), message: 'must be at most 255 visible ASCII characters' },
} as const satisfies Record<string, TextRule>;

export const PRIORITY_RULE = 'must be a whole number from 0 to 9';
export const ONE_TIME_ONLY = (other: string): string => `may not stand beside ${other}`;

/** What a producer says about a message beside its payload. */
export type Told = Pick<NewMessage, 'priority' | 'type' | 'orderingKey' | 'contentType' | 'headers' | 'traceParent' | 'due'> & {
  idempotencyKey: string | undefined;
};

/** Where a message goes, and who it comes from. */
export type Origin = Pick<NewMessage, 'channelId' | 'producerId'>;

export function newMessage(id: Id, { idempotencyKey, ...told }: Told, payload: Buffer, origin: Origin): NewMessage {
  const idempotency = idempotencyKey === undefined ? undefined : { keyHash: shortHash(idempotencyKey), bodyHash: shortHash(payload) };
  return { id, payload, idempotency, ...told, ...origin };
}

/** First 16 bytes of SHA-256: 64 bits against collisions among four billion keys of a channel. */
const shortHash = (data: string | Buffer): Buffer => hash('sha256', data, 'buffer').subarray(0, 16);
