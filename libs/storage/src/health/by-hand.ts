import type { SystemEvent } from '@app/domain';
import type { Audit } from '../audit.js';
import type { Session } from '../database.js';
import type { Consumer } from '../registry/entities.js';
import { insertEvents } from './events.js';

type Columns = Partial<
  Record<'breakerUntil' | 'breakerOpenedAt' | 'breakerReason' | 'breakerProbe' | 'failingSince', null> &
    Record<'breakerOpenings' | 'breakerPassed' | 'failingAttempts', 0> & { breakerEpoch: () => string }
>;

/** What an operator's act does to what is known of a consumer's health, and what it is told of as. */
interface ByHand {
  columns: Columns;
  event: SystemEvent | undefined;
}

const CLOSED: Columns = {
  breakerUntil: null,
  breakerOpenedAt: null,
  breakerReason: null,
  breakerOpenings: 0,
  breakerPassed: 0,
  breakerProbe: null,
  breakerEpoch: (): string => 'breaker_epoch + 1',
};
const NOT_FAILING: Columns = { failingSince: null, failingAttempts: 0 };

const closedByHand = ({ breakerUntil, breakerOpenedAt: openedAt }: Consumer): SystemEvent | undefined =>
  breakerUntil === null ? undefined : { type: 'breaker.closed', by: 'operator', openedAt };

/**
 * A PUT closes the breaker. It forgets the failures only if it enables the consumer or changes a setting: who puts the same again and again, as tools do, is not
 * to keep a dead consumer from being disabled. Of what happens at once, the most important is told.
 */
export function healthAfterPut(found: Consumer, disabled: boolean, changed: boolean): ByHand {
  const columns = changed ? { ...CLOSED, ...NOT_FAILING } : CLOSED;
  if (disabled && !found.disabledAt) return { columns, event: { type: 'consumer.disabled', reason: 'operator' } };
  if (!disabled && found.disabledAt) return { columns, event: { type: 'consumer.enabled', disabledReason: found.disabledReason } };
  return { columns, event: closedByHand(found) };
}

/** Resume closes the breaker and forgets the failures. */
export function healthAfterResume(found: Consumer): ByHand {
  const troubled = found.breakerUntil !== null || found.failingSince !== null;
  return { columns: troubled ? { ...CLOSED, ...NOT_FAILING } : {}, event: closedByHand(found) };
}

/** In the transaction of the act. The event has the id of the act's audit row, which is no message's. */
export async function publish(session: Session, consumerId: number, event: SystemEvent | undefined, audit: Audit): Promise<void> {
  if (!event) return;
  for (const { sql, values } of insertEvents([{ id: audit.entry.id, consumerId, event, at: new Date() }])) await session.query(sql, values);
}
