import { IdHorizonError, Problem } from '@app/domain';
import { isBusy, isUnavailable, refusesWrites } from '@app/storage';

const RETRY_AFTER_SECONDS = 1;

/** What an error of the database means to a caller (503), or undefined when it means nothing but that something is broken. */
export function databaseProblem(error: unknown): Problem | undefined {
  const options = { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error };
  if (isBusy(error)) return new Problem('database-busy', undefined, options);
  if (refusesWrites(error)) return new Problem('database-unavailable', 'The database takes no writes at the moment', options);
  return isAway(error) ? new Problem('database-unavailable', undefined, options) : undefined;
}

/** An id horizon is reached when no heartbeat got through for a minute. */
const isAway = (error: unknown): boolean => error instanceof IdHorizonError || isUnavailable(error);
