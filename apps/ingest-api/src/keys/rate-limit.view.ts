import { KEY_RATE_LIMITS, parseKeyRate, Problem, type Rate } from '@app/domain';

const within = (type: 'number' | 'integer', [minimum, maximum]: readonly [number, number]) => ({ type, minimum, maximum });

/** `rateLimit` of a key, in bodies and views. */
export const rateLimitSchema = {
  description:
    'How much the key may do, over all processes: each published message counts as one, and so does any other request. `burst`, one second’s worth when absent, is what it may do at once. null: KEY_RATE_PER_SECOND of the operator, which is no limit unless it is set.',
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['perSecond'],
      properties: {
        perSecond: within('number', KEY_RATE_LIMITS.perSecond),
        burst: { ...within('integer', KEY_RATE_LIMITS.burst), type: ['integer', 'null'] },
      },
    },
  ],
  example: { perSecond: 100, burst: 500 },
};

/** null and undefined: what the operator says. Throws {@link Problem} `validation-failed` naming every part that is wrong. */
export function parseRateLimit(value: unknown): Rate | null {
  if (value === undefined || value === null) return null;
  const parsed = parseKeyRate(value);
  if ('problems' in parsed) throw Problem.invalid(parsed.problems);
  return parsed.rate;
}
