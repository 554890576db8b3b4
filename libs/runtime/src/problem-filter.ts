import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { Problem } from '@app/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from './log.js';
import { problemOf, sendProblem } from './problem-body.js';
import type { RouteTable } from './route-table.js';

/**
 * Turns everything thrown in a Nest application on Fastify into problem+json. Use it with `app.useGlobalFilters`; Nest then also sends it
 * what Fastify throws (bodies, unknown routes). What nobody expected is logged with its stack and answered as `internal`.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  /** With a table of routes, a known path with another method is 405 and says which are allowed. */
  constructor(
    private readonly log: Log,
    private readonly routes?: RouteTable,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    answer(error, http.getRequest<FastifyRequest>(), reply, this.log, this.routes);
  }
}

export function answer(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log, routes?: RouteTable): void {
  const problem = withLimit(problemOf(error), request);
  if (problem.status >= 500 && (problem.code === 'internal' || problem.cause !== undefined)) logFailure(problem, request, log);
  const methods = problem.code === 'not-found' && request.is404 ? (routes?.methodsOf(request.url) ?? []) : [];
  if (methods.length === 0) return sendProblem(reply, problem);
  const allow = methods.join(', ');
  if (!reply.sent) void reply.header('allow', allow);
  return sendProblem(reply, new Problem('method-not-allowed', `allowed here: ${allow}`));
}

/** Fastify says that a body is too large, not for what. */
function withLimit(problem: Problem, request: FastifyRequest): Problem {
  const limit = request.routeOptions.bodyLimit;
  if (problem.code !== 'payload-too-large' || problem.detail !== problem.title || limit === undefined) return problem;
  return new Problem('payload-too-large', `the body is larger than the limit of ${limit} bytes`);
}

const BURST_MS = 1_000;
let awayLoggedAt = -Infinity;
let awayUnlogged = 0;

/** Each of our own failures, but of the failures of an outage, which every request shares, one a second with the count of the others. */
function logFailure(problem: Problem, request: FastifyRequest, log: Log): void {
  const fields = { err: problem.cause ?? problem, requestId: request.id, method: request.method, route: request.routeOptions.url };
  if (problem.code === 'internal') {
    log.error({ ...fields, code: problem.code }, 'request.failed');
    return;
  }
  if (performance.now() - awayLoggedAt < BURST_MS) {
    awayUnlogged++;
    return;
  }
  log.warn({ ...fields, code: problem.code, others: awayUnlogged }, 'request.failed');
  awayLoggedAt = performance.now();
  awayUnlogged = 0;
}
