import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { type ProblemCode, problems } from '@app/domain';
import { ProblemView } from './problem.view.js';

/** Documents the error codes that a route can answer besides those that every route can. */
export const Refuses = (...codes: readonly ProblemCode[]): MethodDecorator & ClassDecorator =>
  applyDecorators(
    ApiExtraModels(ProblemView),
    ...[...new Set(codes.map((code) => problems[code].status))].map((status) =>
      ApiResponse({ status, ...refusal(codes.filter((code) => problems[code].status === status)) }),
    ),
  );

/** One response of an OpenAPI document for codes that share a status. */
export function refusal(codes: readonly ProblemCode[]) {
  const examples = codes.map((code) => [code, { value: exampleOf(code) }] as const);
  return {
    description: codes.map((code) => `\`${code}\`: ${problems[code].title}`).join('. '),
    content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemView) }, examples: Object.fromEntries(examples) } },
  };
}

const exampleOf = (code: ProblemCode): ProblemView => ({
  type: `https://posthorn.dev/problems/${code}`,
  ...problems[code],
  code,
  detail: problems[code].title,
  requestId: '4f1c8d5e-7a34-4d0b-9f0e-2d1c6a5b8e90',
});
