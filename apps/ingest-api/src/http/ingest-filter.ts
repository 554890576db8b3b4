import { type ArgumentsHost, Catch } from '@nestjs/common';
import { Problem } from '@app/domain';
import { type IngestMetrics, type Log, ProblemFilter, problemOf, type RouteTable } from '@app/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { databaseProblem } from './database-problem.js';

/**
 * Also says what an error of the database means to a caller, and which credentials a 401 wants (RFC 9110, 15.5.2). Counts the requests that are
 * denied, and names the key of one that has no right.
 */
@Catch()
export class IngestFilter extends ProblemFilter {
  constructor(
    private readonly lines: Log,
    private readonly metrics: IngestMetrics,
    routes: RouteTable,
  ) {
    super(lines, routes);
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    if (error instanceof Problem && error.code === 'unauthorized') {
      void http.getResponse<FastifyReply>().header('www-authenticate', 'Bearer');
    }
    if (error instanceof Problem && (error.code === 'unauthorized' || error.code === 'forbidden')) {
      this.denied(error.code, http.getRequest<FastifyRequest>());
    }
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback -- the filter's method, not a promise's
    super.catch(problemFor(error), host);
  }

  private denied(code: 'unauthorized' | 'forbidden', request: FastifyRequest): void {
    this.metrics.denied.inc({ code });
    if (!request.caller) return;
    const { method, ip: from, id: requestId, caller } = request;
    this.lines.warn({ key: caller.keyId, method, path: request.url.split('?', 1)[0], from, requestId }, 'request.denied');
  }
}

/** The problem that a thrown value is answered with. */
export const problemFor = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  return databaseProblem(error) ?? problemOf(error);
};
