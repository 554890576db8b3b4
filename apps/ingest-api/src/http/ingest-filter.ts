import { type ArgumentsHost, Catch } from '@nestjs/common';
import { IdHorizonError, Problem } from '@app/domain';
import { ProblemFilter } from '@app/runtime';
import { isUnavailable } from '@app/storage';
import type { FastifyReply } from 'fastify';

const RETRY_AFTER_SECONDS = 1;

/** Also says what an error of the database means to a caller, and which credentials a 401 wants (RFC 9110, 15.5.2). */
@Catch()
export class IngestFilter extends ProblemFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    if (error instanceof Problem && error.code === 'unauthorized') {
      void host.switchToHttp().getResponse<FastifyReply>().header('www-authenticate', 'Bearer');
    }
    const away = { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error };
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback -- the filter's method, not a promise's
    super.catch(isAway(error) ? new Problem('database-unavailable', undefined, away) : error, host);
  }
}

/** An id horizon is reached when no heartbeat got through for a minute. */
const isAway = (error: unknown): boolean => error instanceof IdHorizonError || (!(error instanceof Problem) && isUnavailable(error));
