import type { DeadReason, ErrorClass, Id } from '@app/domain';
import { isOfType } from './search/type-pattern.js';

/** Which dead letters of a consumer; all when empty. */
export interface DeadLetterFilter {
  messageIds?: readonly Id[];
  /** Died at or after. */
  from?: Date;
  /** Died before. */
  to?: Date;
  /** Died by this time, to the millisecond. */
  diedBy?: Date;
  reason?: DeadReason;
  /** Of the last attempt. */
  errorClass?: ErrorClass;
  /** Of the message; `*` stands for any characters. */
  type?: string;
  /** That has died at most so often; more than once: it was sent again since. */
  mostDeaths?: number;
}

export interface Conditions {
  /** Of `dead_letter l` alone; never empty. */
  own: Part;
  /** Of `delivery d` and `message m` too. */
  all: Part;
  /** Joins what `all` asks about, each by its primary key. */
  joins: string;
}

interface Part {
  sql: string;
  values: unknown[];
}

/** Attempts that failed for good. One that was lost has no node, and was tried again. */
const DEATHS = `(SELECT COUNT(*) FROM attempt a FORCE INDEX (PRIMARY) WHERE a.message_id = l.message_id AND a.consumer_id = l.consumer_id
    AND a.node IS NOT NULL AND a.error_class IS NOT NULL AND a.next_attempt_at IS NULL)`;

export function conditionsOf(filter: DeadLetterFilter): Conditions {
  const own: [string, unknown][] = [];
  if (filter.messageIds) own.push(['l.message_id IN (?)', filter.messageIds]);
  if (filter.from) own.push(['l.died_at >= ?', filter.from]);
  if (filter.to) own.push(['l.died_at < ?', filter.to]);
  if (filter.diedBy) own.push(['l.died_at <= ?', filter.diedBy]);
  if (filter.reason) own.push(['l.reason = ?', filter.reason]);
  const others: [string, unknown][] = [];
  if (filter.errorClass) others.push(['d.error_class = ?', filter.errorClass]);
  if (filter.mostDeaths !== undefined) others.push([`${DEATHS} <= ?`, filter.mostDeaths]);
  if (filter.type !== undefined) others.push(isOfType('m.type', filter.type));
  return {
    own: joined(own),
    all: joined([...own, ...others]),
    joins: [
      filter.errorClass
        ? 'LEFT JOIN delivery d FORCE INDEX (PRIMARY) ON d.message_id = l.message_id AND d.consumer_id = l.consumer_id'
        : '',
      filter.type === undefined ? '' : 'LEFT JOIN message m FORCE INDEX (PRIMARY) ON m.id = l.message_id',
    ].join(' '),
  };
}

const joined = (parts: readonly [string, unknown][]): Part => ({
  sql: parts.length === 0 ? 'TRUE' : parts.map(([sql]) => sql).join(' AND '),
  values: parts.map(([, value]) => value),
});
