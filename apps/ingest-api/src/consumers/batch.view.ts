import { BATCH_LIMITS } from '@app/domain';

const within = ([minimum, maximum]: readonly [number, number]) => ({ type: 'integer', minimum, maximum });

/** `batch` in bodies and views. */
export const batchSchema = {
  description:
    'Up to `maxMessages` in one POST, or those that came within `maxWaitMs` (1000 unless said) after the first, in a JSON envelope; an answer of 2xx may name `failures`. null: each message in a POST of its own.',
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['maxMessages'],
      properties: { maxMessages: within(BATCH_LIMITS.maxMessages), maxWaitMs: within(BATCH_LIMITS.maxWaitMs) },
    },
  ],
  example: { maxMessages: 50, maxWaitMs: 500 },
};
