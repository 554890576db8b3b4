import type { Id } from './id.js';

/** One lease of a pull consumer: the place of its row, what it is a lease of, and the secret that proves it. */
export interface LeaseKey {
  readonly consumerId: number;
  readonly rank: number;
  readonly seq: Id;
  readonly messageId: Id;
  /** Number of the attempt that the lease is: 1, 2, … */
  readonly attempt: number;
  readonly token: Id;
}

/** Set in the token of a lease that a pull consumer holds, and in no other: the tokens of dispatchers are ids, which have 63 bits. */
const PULL = 1n << 63n;
const VERSION = 1;
const BYTES = 32;
const TEXT = /^[A-Za-z0-9_-]{43}$/;

/** The token of a new lease of a pull consumer, from 8 random bytes: 63 bits that nobody can guess. */
export const pullToken = (random: Buffer): Id => (PULL | random.readBigUInt64BE()).toString();

/** Whether a token that a row of `ready` carries was given to a pull consumer. */
export const isPullToken = (token: Id): boolean => BigInt(token) >= PULL;

/**
 * The receipt of a lease: 43 characters of base64url. Opaque to consumers. It is not signed: the token in it is the only thing that gives a right,
 * and the database compares it; all else only says where to look.
 */
export function writeReceipt({ consumerId, rank, seq, messageId, attempt, token }: LeaseKey): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeUInt8(VERSION, 0);
  bytes.writeUInt32BE(consumerId, 1);
  bytes.writeUInt8(rank, 5);
  bytes.writeBigUInt64BE(BigInt(seq), 6);
  bytes.writeBigUInt64BE(BigInt(messageId), 14);
  bytes.writeUInt16BE(attempt, 22);
  bytes.writeBigUInt64BE(BigInt(token), 24);
  return bytes.toString('base64url');
}

/** What a receipt says, or undefined for a text that is none. A token that was not made for a pull consumer is never read from one. */
export function readReceipt(text: string): LeaseKey | undefined {
  if (!TEXT.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.readUInt8(0) !== VERSION || bytes.toString('base64url') !== text) return undefined;
  const key = {
    consumerId: bytes.readUInt32BE(1),
    rank: bytes.readUInt8(5),
    seq: bytes.readBigUInt64BE(6).toString(),
    messageId: bytes.readBigUInt64BE(14).toString(),
    attempt: bytes.readUInt16BE(22),
    token: bytes.readBigUInt64BE(24).toString(),
  };
  return isPullToken(key.token) ? key : undefined;
}
