import { BREAKER_LIMITS, breakerReasons, breakerStatus, DEFAULT_BREAKER, DISABLE_AFTER_LIMITS } from '@app/domain';
import type { Consumer } from '@app/storage';

const within = ([minimum, maximum]: readonly [number, number], type: 'integer' | 'number' = 'number') => ({ type, minimum, maximum });

const settings = {
  type: 'object' as const,
  additionalProperties: false,
  properties: {
    errorRate: { ...within(BREAKER_LIMITS.errorRate), description: 'Opens when at least this share of the attempts of the window failed' },
    minimum: { ...within(BREAKER_LIMITS.minimum, 'integer'), description: 'Attempts in the window, at least, before it is judged' },
    windowSeconds: within(BREAKER_LIMITS.windowSeconds),
    slowMs: {
      oneOf: [within(BREAKER_LIMITS.slowMs, 'integer'), { type: 'null' as const }],
      description: 'An attempt that takes as long is slow; null: none is',
    },
    slowRate: { ...within(BREAKER_LIMITS.slowRate), description: 'Opens when at least this share of the attempts of the window was slow' },
    openSeconds: { ...within(BREAKER_LIMITS.openSeconds), description: 'Until the first probe; doubles with each probe that fails' },
    maxOpenSeconds: within(BREAKER_LIMITS.maxOpenSeconds),
    probes: { ...within(BREAKER_LIMITS.probes, 'integer'), description: 'Probes that have to succeed before it closes' },
  },
};

/** `breaker` in bodies and views. */
export const breakerSchema = {
  description: `The circuit breaker: when too many attempts fail, or are slow, the deliveries are held, and probed one at a time until one succeeds. Push only. What is left out is as in the example; false: none. null: the default.`,
  oneOf: [settings, { type: 'boolean' as const, enum: [false] }, { type: 'null' as const }],
  example: DEFAULT_BREAKER,
};

/** `disableAfterSeconds` in bodies. */
export const disableAfterSchema = {
  type: 'integer' as const,
  minimum: DISABLE_AFTER_LIMITS[0],
  maximum: DISABLE_AFTER_LIMITS[1],
  example: 432_000,
};

export class BreakerStateView {
  state!: 'closed' | 'open' | 'half-open';
  /** When it opened; null while it is closed. */
  openedAt!: Date | null;
  /** When the next probe is due, or the right of whoever probes runs out; null while it is closed. */
  retryAt!: Date | null;
  /** Why it opened: `errors` or `slow`; null while it is closed. */
  reason!: 'errors' | 'slow' | null;
}

export function viewBreakerState({ breakerUntil, breakerOpenedAt, breakerProbe, breakerReason }: Consumer): BreakerStateView {
  return {
    state: breakerStatus(breakerUntil, breakerProbe !== null, Date.now()),
    openedAt: breakerOpenedAt,
    retryAt: breakerUntil,
    reason: breakerReasons.find((reason) => reason === breakerReason) ?? null,
  };
}
