import type { OpenAPIObject } from '@nestjs/swagger';

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const seconds = (minimum: number, maximum: number) => ({ type: 'number', minimum, maximum });

const permanentStatuses: Schema = {
  type: 'array',
  maxItems: 50,
  uniqueItems: true,
  description:
    'Answers that end a delivery at once, as a dead letter with the reason permanent-status: codes, or classes of them, which leave out 408, 425, 429 and 503. None unless said; 410 always does.',
  items: {
    oneOf: [
      { type: 'integer', minimum: 300, maximum: 599 },
      { type: 'string', enum: ['3xx', '4xx', '5xx'] },
    ],
  },
  example: [400, 404, 422],
};

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
      permanentStatuses,
    },
  },
  {
    type: 'object',
    additionalProperties: false,
    required: ['delays'],
    properties: {
      delays: { type: 'array', maxItems: 100, items: seconds(0, 604_800), description: 'One for each retry' },
      permanentStatuses,
    },
  },
];

/** `retry` in bodies and views: the OpenAPI plugin cannot tell a union of types from its class. */
export const retrySchema = {
  description:
    'The exponential form, whose missing fields are those of the default (5 s · 4^n, at most 10 h, 11 attempts, full jitter), or a list of delays. Fractions of seconds are allowed. null: the policy of the channel, or else of Posthorn.',
  oneOf: forms,
  example: { baseSeconds: 5, factor: 4, capSeconds: 36_000, attempts: 11, jitter: true },
};
