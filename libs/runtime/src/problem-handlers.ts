import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, type ProblemCode } from '@app/domain';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from './log.js';
import { PROBLEM_TYPE, problemBody } from './problem-body.js';
import { answer } from './problem-filter.js';
import type { RouteTable } from './route-table.js';

/**
 * Options for `new FastifyAdapter(…)` or `fastify(…)`: request ids that no client chooses, and problems for what is refused before a route
 * is found: requests that are no HTTP, addresses that cannot be decoded or have a parameter that is too long.
 */
export const problemServerOptions = (log: Log) =>
  ({
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => answer(error, request, reply, log),
  }) as const;

/** For `fastify.setErrorHandler` outside Nest. */
export const problemErrorHandler = (log: Log) => (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
  answer(error, request, reply, log);

/** For `fastify.setNotFoundHandler` outside Nest: 404, or 405 with `Allow` when the path has other methods. */
export const problemNotFoundHandler = (log: Log, routes?: RouteTable) => (request: FastifyRequest, reply: FastifyReply) =>
  answer(new Problem('not-found'), request, reply, log, routes);

const clientErrors: Partial<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'header-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

/**
 * Answers a request that is no HTTP, or too slow or large to be read, on the bare socket, and closes it. The 408 of Node's
 * `requestTimeout`, the 431 of `maxHeaderSize`, otherwise 400.
 */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy(error);
    return;
  }
  const problem = new Problem(
    clientErrors[error.code ?? ''] ?? 'validation-failed',
    error.code?.startsWith('HPE_') ? 'not a valid HTTP request' : undefined,
  );
  const body = JSON.stringify(problemBody(problem, randomUUID()));
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      `content-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
