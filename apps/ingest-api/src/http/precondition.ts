import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { Problem } from '@app/domain';
import type { Precondition, Versions } from '@app/storage';
import type { FastifyRequest } from 'fastify';

/** RFC 9110, 8.8.3: an entity-tag; our own are `"<version>"`, always strong. */
const TAG = String.raw`(?:W\/)?"[\x21\x23-\x7e]*"`;
/** What If-Match and If-None-Match may say. */
export const DEMANDS = new RegExp(String.raw`^(?:\*|${TAG}(?:\s*,\s*${TAG})*)$`);

export const etag = ({ version }: { version: number }): string => `"${version}"`;

/** If-Match and If-None-Match (RFC 9110, 13.1), in a handler's parameters. Throws {@link Problem} `validation-failed` for what is neither. */
export const Demands = createParamDecorator((_data: unknown, context: ExecutionContext): Precondition => {
  const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
  return {
    ...(headers['if-match'] === undefined ? {} : { ifMatch: versionsOf(headers['if-match'], 'If-Match') }),
    ...(headers['if-none-match'] === undefined ? {} : { ifNoneMatch: versionsOf(headers['if-none-match'], 'If-None-Match') }),
  };
});

/** A weak tag matches nothing: ours are strong. */
function versionsOf(value: string, field: string): Versions {
  const text = value.trim();
  if (!DEMANDS.test(text)) throw Problem.invalid([{ field, message: 'must be * or ETags such as "3"' }]);
  if (text === '*') return '*';
  return [...text.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, tag]) => (weak === undefined && tag !== undefined ? [tag] : []));
}
