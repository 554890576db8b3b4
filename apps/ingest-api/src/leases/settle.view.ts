import { ApiProperty } from '@nestjs/swagger';
import type { Judged } from '@app/storage';
import { RECEIPT } from './lease.view.js';

export class LeaseSettledView {
  @ApiProperty({ example: RECEIPT })
  receipt!: string;
  /**
   * `settled`: written, now or by an earlier request with the same outcome. `stale`: the lease is not yours any more, and nothing was changed. `invalid`: this is
   * no receipt of this consumer.
   */
  status!: 'settled' | 'stale' | 'invalid';
  /** What became of the delivery: `dead` also after a nack that used up the attempts. Only when settled. */
  delivery?: 'delivered' | 'retry-delivery' | 'dead';
  /** When it is tried again. Only for `retry-delivery`. */
  nextAttemptAt?: Date;
  /** Why not, for people. */
  detail?: string;
}

export class LeaseSettledList {
  /** One for each receipt, in the order of the request. */
  results!: LeaseSettledView[];
}

export class LeaseExtendedView {
  @ApiProperty({ example: RECEIPT })
  receipt!: string;
  /** `extended`. `stale`: the lease is not yours any more. `invalid`: this is no receipt of this consumer. */
  status!: 'extended' | 'stale' | 'invalid';
  /** The new end. Only when extended. */
  expiresAt?: Date;
  /** Why not, for people. */
  detail?: string;
}

export class LeaseExtendedList {
  /** One for each receipt, in the order of the request. */
  results!: LeaseExtendedView[];
}

export const INVALID = { status: 'invalid', detail: 'this is no receipt of this consumer' } as const;
export const STALE = {
  status: 'stale',
  detail: 'the lease ran out and somebody else got the delivery, or it was settled with another outcome',
} as const;

const statusAfter = { delivered: 'delivered', retry: 'retry-delivery', dead: 'dead' } as const;

export function viewJudged(receipt: string, judged: Judged): LeaseSettledView {
  if (judged.kind === 'stale') return { receipt, ...STALE };
  if (judged.kind === 'repeated') return settled(receipt, judged.to, judged.nextAttemptAt);
  const { step, startedAtMs, durationMs } = judged.settlement;
  return settled(receipt, step.to, step.to === 'retry' ? new Date(startedAtMs + durationMs + step.delayMs) : null);
}

const settled = (receipt: string, to: keyof typeof statusAfter, nextAttemptAt: Date | null): LeaseSettledView => ({
  receipt,
  status: 'settled',
  delivery: statusAfter[to],
  ...(nextAttemptAt ? { nextAttemptAt } : {}),
});
