import type { Id } from '@app/domain';
import type { Database } from './database.js';
import { conditionsOf, type DeadLetterFilter } from './dead-letter-filter.js';
import { letGo } from './ordering/blocked.js';
import { sendAgain, takeDeadLetters } from './take-dead-letters.js';

/** Dead letters that are looked at to count those that match. */
export const DEAD_LETTERS_COUNTED = 50_000;

/** How many match among the first 50 000 of the consumer; `atLeast`: there are more than those, which were not looked at. */
export async function countDeadLetters(
  database: Database,
  consumerId: number,
  filter: DeadLetterFilter,
): Promise<{ count: number; atLeast: boolean }> {
  const { all, joins } = conditionsOf(filter);
  const [row] = await database.query<{ seen: string; n: string | null }[]>(
    `SELECT COUNT(*) AS seen, SUM(hit) AS n FROM (SELECT (${all.sql}) AS hit FROM dead_letter l FORCE INDEX (PRIMARY) ${joins}
      WHERE l.consumer_id = ? LIMIT ?) t`,
    [...all.values, consumerId, DEAD_LETTERS_COUNTED + 1],
  );
  return { count: Number(row!.n ?? 0), atLeast: Number(row!.seen) > DEAD_LETTERS_COUNTED };
}

/**
 * Looks at the next 500 dead letters and sends up to `most` of them again that match, oldest message first: they are ready at once with a fresh set of
 * attempts, and attempt numbers go on counting. Returns how many, and the last message that was looked at as the `after` of the next step.
 * One that holds its key is the first of it still; any other that has a key goes to the end of it, if its consumer asks for order.
 */
export function redrive(
  database: Database,
  consumerId: number,
  filter: DeadLetterFilter,
  mint: () => Id,
  after: Id = '0',
  most?: number,
): Promise<Step> {
  return database.transaction('redrive', async (session) => {
    const taking = await takeDeadLetters(session, consumerId, filter, { after, most, locked: 'skip' });
    return { count: await sendAgain(session, consumerId, taking.taken, mint, null), after: taking.after };
  });
}

/** Takes up to `most` dead letters that match, of the next 500, off the list for good; their deliveries stay `dead`. Those behind them in their keys go on. */
export function discard(database: Database, consumerId: number, filter: DeadLetterFilter, after: Id = '0', most?: number): Promise<Step> {
  return database.transaction('discard', async (session) => {
    const taking = await takeDeadLetters(session, consumerId, filter, { after, most, locked: 'skip' });
    await letGo(
      session,
      consumerId,
      taking.taken.map(({ id }) => id),
    );
    return { count: taking.taken.length, after: taking.after };
  });
}

export interface Step {
  count: number;
  /** As it was when nothing is left to look at. */
  after: Id;
}
