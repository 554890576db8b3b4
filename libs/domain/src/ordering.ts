import { hash } from 'node:crypto';
import type { Id } from './id.js';

/** In what order a consumer gets its messages: in none that is promised, or those with the same key one after another, as they were published. */
export const ORDERINGS = ['none', 'key'] as const;
export type Ordering = (typeof ORDERINGS)[number];

/** What a message that is dead does to those behind it with the same key: it holds them until it is redriven or discarded, or it lets the next one go. */
export const EXHAUSTED = ['block', 'dead-letter'] as const;
export type Exhausted = (typeof EXHAUSTED)[number];

/**
 * First 8 bytes of SHA-256, as a decimal number. Keys whose hashes are equal by chance, or because somebody looked for such a pair, share one order: they
 * wait for each other, and nothing else happens.
 */
export const orderingHash = (key: string): Id => hash('sha256', key, 'buffer').readBigUInt64BE(0).toString();
