import { driverError } from './errors.js';
import type { Statement } from './packets.js';

const OUT_OF_RANGE = 1690;

/**
 * Ends a packet with an error unless `condition` holds, so that a fence costs no round trip of its own: the largest number plus one is out of range, in
 * every sql_mode. The start-up self-test proves it on the server at hand.
 */
export const failUnless = (condition: string, values: readonly unknown[] = []): Statement => ({
  sql: `SET @fence = ~0 + (NOT (${condition}))`,
  values,
});

/** Ends a packet with an error unless the statement before it changed exactly `count` rows. */
export const expectRows = (count: number): Statement => failUnless(`ROW_COUNT() = ${count}`);

/** Whether an error came from one of these. */
export const isFenced = (error: unknown): boolean => driverError(error).errno === OUT_OF_RANGE;
