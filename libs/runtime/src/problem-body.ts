import { HttpException } from '@nestjs/common';
import { type FieldProblem, Problem, type ProblemCode } from '@app/domain';
import type { FastifyReply } from 'fastify';

export const PROBLEM_TYPE = 'application/problem+json';
const TYPE_BASE = 'https://posthorn.dev/problems/';

/** An error answer after RFC 9457, with our stable `code`. */
export type ProblemBody = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly field?: string;
  readonly errors?: readonly FieldProblem[];
  readonly requestId?: string;
};

export const problemBody = (problem: Problem, requestId?: string): ProblemBody => ({
  type: TYPE_BASE + problem.code,
  title: problem.title,
  status: problem.status,
  code: problem.code,
  detail: problem.detail,
  ...(problem.field === undefined ? {} : { field: problem.field }),
  ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  ...(requestId === undefined ? {} : { requestId }),
});

/** Answers with a problem; does nothing when an answer is on its way. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  if (reply.sent) return;
  if (problem.retryAfterSeconds !== undefined) void reply.header('retry-after', Math.max(1, Math.ceil(problem.retryAfterSeconds)));
  // Bytes, because Fastify adds a charset to JSON text, a parameter that the media type does not have.
  const body = Buffer.from(JSON.stringify(problemBody(problem, reply.request.id)));
  void reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(body);
}

/**
 * The problem that any thrown value stands for. What is not ours to show becomes `internal`, with the value as its cause. Nest wraps what
 * Fastify throws in an HttpException, so that the code is in its cause.
 */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = codeOf(error) ?? (error instanceof HttpException ? codeOf(error.cause) : undefined);
  if (code !== undefined) return new Problem(code, undefined, { cause: error });
  const status = statusOf(error);
  if (status === undefined || status >= 500) return new Problem(status === 503 ? 'shutting-down' : 'internal', undefined, { cause: error });
  const detail = error instanceof HttpException && status !== 404 ? error.message : undefined;
  return new Problem(statusCodes[status] ?? 'validation-failed', detail, { cause: error });
}

/** https://fastify.dev/docs/latest/Reference/Errors/ */
const fastifyCodes: Partial<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'validation-failed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-json',
  FST_ERR_VALIDATION: 'validation-failed',
  FST_ERR_NOT_FOUND: 'not-found',
  // Only QUERY is asked for one, before Fastify looks whether there is such a route: we have none.
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: 'not-found',
  FST_ERR_BAD_URL: 'validation-failed',
  FST_ERR_MAX_PARAM_LENGTH: 'uri-too-long',
};

const statusCodes: Partial<Record<number, ProblemCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  408: 'request-timeout',
  409: 'conflict',
  412: 'precondition-failed',
  413: 'payload-too-large',
  414: 'uri-too-long',
  415: 'unsupported-media-type',
  429: 'too-many-requests',
  431: 'header-too-large',
};

const codeOf = (error: unknown): ProblemCode | undefined =>
  error instanceof Error && 'code' in error ? fastifyCodes[String(error.code)] : undefined;

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
