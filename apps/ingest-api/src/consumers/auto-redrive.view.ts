import { AUTO_REDRIVE_LIMITS } from '@app/domain';

const { withinSeconds, ratePerSecond } = AUTO_REDRIVE_LIMITS;

/** `autoRedrive` in views, and as an object in bodies. */
export const autoRedriveSchema = {
  description: 'What a job redrives when the consumer is well again. null: nothing.',
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      properties: {
        withinSeconds: { type: 'integer', minimum: withinSeconds.min, maximum: withinSeconds.max },
        ratePerSecond: { type: 'number', minimum: ratePerSecond.min, maximum: ratePerSecond.max },
      },
    },
  ],
  example: { withinSeconds: 86_400, ratePerSecond: 50 },
};

/** `autoRedrive` in bodies. */
export const autoRedriveWish = {
  description:
    'When the consumer is well again after nothing but failures, or its breaker closes, a job redrives what used up its attempts meanwhile, each delivery once: `true` all of it, an object only what died within `withinSeconds`, at most `ratePerSecond`. Default false.',
  oneOf: [{ type: 'boolean' }, ...autoRedriveSchema.oneOf],
  example: true,
};
