import { applyDecorators, HttpCode, type Type } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { JobView } from './job.view.js';

/** Documents the answers of a request that is done at once, or becomes a job. */
export const JobOr = (done: Type<unknown>, description = 'It was done'): MethodDecorator =>
  applyDecorators(
    HttpCode(200),
    ApiResponse({ status: 200, type: done, description }),
    ApiResponse({
      status: 202,
      type: JobView,
      description: 'It is a job',
      headers: { Location: { description: 'The job: `/v1/jobs/<id>`', schema: { type: 'string' } } },
    }),
  );
