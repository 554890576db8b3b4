import type { Id } from '@app/domain';
import type { Step } from '@app/storage';

/** Dead letters in one transaction. */
const STEP = 500;
/** How long one request may go on beginning steps. */
const TIME_MS = 10_000;

/** Repeats `step` until it finds nothing, `limit` is reached or 10 s have passed. Answers how many it took. */
export async function inSteps(
  limit: number,
  step: (after: Id, most: number) => Promise<Step>,
  now = () => performance.now(),
): Promise<number> {
  const endsAt = now() + TIME_MS;
  let after: Id = '0';
  let count = 0;
  while (count < limit && now() < endsAt) {
    const done = await step(after, Math.min(STEP, limit - count));
    if (done.after === after) break;
    after = done.after;
    count += done.count;
  }
  return count;
}
