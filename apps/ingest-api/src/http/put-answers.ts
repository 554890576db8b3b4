import { applyDecorators, type Type } from '@nestjs/common';
import { ApiHeader, ApiResponse } from '@nestjs/swagger';
import { DEMANDS } from './precondition.js';

const schema = { type: 'string' as const, pattern: DEMANDS.source };
const headers = { ETag: { description: '`"<version>"`, for If-Match', schema: { type: 'string' as const, example: '"1"' } } };

/** Documents the preconditions that `Demands` reads. */
export const Conditional = (): MethodDecorator =>
  applyDecorators(
    ApiHeader({
      name: 'If-Match',
      required: false,
      schema,
      description: 'Only if it is at this version, such as `"3"`; `*`: only if it exists',
    }),
    ApiHeader({ name: 'If-None-Match', required: false, schema, description: '`*`: only if it does not exist yet' }),
  );

/** Documents the two answers of a PUT and the preconditions that it takes. */
export const PutAnswers = (view: Type<unknown>, created: Type<unknown> = view): MethodDecorator =>
  applyDecorators(
    Conditional(),
    ApiResponse({ status: 200, type: view, description: 'It was replaced', headers }),
    ApiResponse({ status: 201, type: created, description: 'It was created', headers }),
  );
