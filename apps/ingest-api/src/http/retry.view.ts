import type { OpenAPIObject } from '@nestjs/swagger';

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const seconds = (minimum: number, maximum: number) => ({ type: 'number', minimum, maximum });

const forms: Schema[] = [
  {
    type: 'object',
    additionalProperties: false,
    properties: {
      baseSeconds: seconds(0.001, 86_400),
      factor: { type: 'number', minimum: 1, maximum: 100 },
      capSeconds: seconds(0.001, 604_800),
      attempts: { type: 'integer', minimum: 1, maximum: 100, description: 'Attempts in all, the first one included' },
      jitter: {
        description: 'The share of a delay that is random',
        oneOf: [{ type: 'boolean' }, { type: 'number', minimum: 0, maximum: 1 }, { type: 'string', enum: ['full', 'none'] }],
      },
    },
  },
  {
    type: 'object',
    additionalProperties: false,
    required: ['delays'],
    properties: { delays: { type: 'array', maxItems: 100, items: seconds(0, 604_800), description: 'One for each retry' } },
  },
];

/** `retry` in bodies and views: the OpenAPI plugin cannot tell a union of types from its class. */
export const retrySchema = {
  description:
    'The exponential form, whose missing fields are those of the default (5 s · 4^n, at most 10 h, 11 attempts, full jitter), or a list of delays. Fractions of seconds are allowed. null: the policy of the channel, or else of Posthorn.',
  oneOf: forms,
  example: { baseSeconds: 5, factor: 4, capSeconds: 36_000, attempts: 11, jitter: true },
};
