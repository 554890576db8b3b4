import { RATE_LIMITS } from '@app/domain';

const within = (type: 'integer' | 'number', [minimum, maximum]: readonly [number, number]) => ({ type, minimum, maximum });

/** `rateLimit` in bodies and views. */
export const rateLimitSchema = {
  description:
    'Requests to the consumer, over all dispatchers: `perSecond` on average, and up to `burst` at once (what comes in a second, unless said). A batch is one request. null: as fast as it answers.',
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['perSecond'],
      properties: { perSecond: within('number', RATE_LIMITS.perSecond), burst: within('integer', RATE_LIMITS.burst) },
    },
  ],
  example: { perSecond: 20, burst: 5 },
};

/** `resuming` in views. */
export const resumingSchema = {
  description:
    'Resumed at a rate: at most so many requests a second until what waits is worked off. null: nothing is held back, or everything has been sent.',
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['ratePerSecond', 'since'],
      properties: { ratePerSecond: { type: 'number' }, since: { type: 'string', format: 'date-time' } },
    },
  ],
  example: null,
};
