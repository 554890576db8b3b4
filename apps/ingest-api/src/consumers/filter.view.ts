import { FILTER_LIMITS } from '@app/domain';

/** `filter` in bodies and views. */
export const filterSchema = {
  description: `Conditions in the form of EventBridge event patterns; all parts have to match. \`types\`: event types, \`*\` stands for any characters. \`type\`, \`headers\` and \`body\` (fields of a JSON payload): a list of what a value may be: texts, numbers, true, false, null, or an operator: \`exists\`, \`anything-but\`, \`numeric\`, \`prefix\`, \`suffix\`, \`equals-ignore-case\`, \`wildcard\`. \`$or\`: a list of which one has to match. At most ${FILTER_LIMITS.bytes} bytes, ${FILTER_LIMITS.conditions} conditions and ${FILTER_LIMITS.depth} levels. null: every message.`,
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      properties: {
        types: { type: 'array', minItems: 1, items: { type: 'string', minLength: 1, maxLength: FILTER_LIMITS.textLength } },
        type: { type: 'array', minItems: 1, items: {} },
        headers: { type: 'object', minProperties: 1, additionalProperties: { type: 'array', minItems: 1, items: {} } },
        body: {
          oneOf: [
            { type: 'object', minProperties: 1, additionalProperties: true },
            { type: 'array', minItems: 1, items: {} },
          ],
        },
        $or: { type: 'array', minItems: 1, items: { type: 'object', additionalProperties: true } },
      },
    },
  ],
  example: { types: ['order.*', 'invoice.paid'], body: { total: [{ numeric: ['>', 100] }], country: ['DE', 'AT'] } },
};
