import { type Id, LAST_ID } from '@app/domain';
import type { Statement } from '../packets.js';

/** What dies first is written a little before the first failure that is known of all dispatchers, and of a breaker within the window that opens it. */
const BEFORE_SECONDS = 60;
/** In the form of a job's settings. `to` is exclusive, and times are stored to the millisecond. */
const formatted = (time: string): string => `CONCAT(LEFT(DATE_FORMAT(${time}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')`;
const TO_NOW = formatted('NOW(3) + INTERVAL 1000 MICROSECOND');
const FROM = 'CAST(@failed_from AS DATETIME(3))';
const WITHIN = `NOW(3) - INTERVAL JSON_EXTRACT(c.auto_redrive, '$.withinSeconds') SECOND`;
const UNFINISHED = `cause = 'auto-redrive' AND state IN ('running', 'paused')`;

/** Remembers from when on a consumer's dead letters are those of its failing, before its recovery is written. */
export const noteFailedFrom = (consumerId: number): Statement => ({
  sql: `SET @failed_from = (SELECT LEAST(COALESCE(failing_since, breaker_opened_at), COALESCE(breaker_opened_at, failing_since)) - INTERVAL
      IF(breaker_opened_at IS NULL, ${BEFORE_SECONDS}, GREATEST(${BEFORE_SECONDS}, COALESCE(JSON_EXTRACT(breaker, '$.windowSeconds') + 0, 0))) SECOND
      FROM consumer FORCE INDEX (PRIMARY) WHERE id = ?)`,
  values: [consumerId],
});

/**
 * Redrives what died while the consumer failed, if it has the rule: a job that is under way begins anew and takes what has died since as well; otherwise one is
 * made. Neither takes what has died twice, or what dies after this: that would be spent on a consumer that fails again. `condition`: of the transaction
 * that sees the consumer recover.
 */
export const redriveAfter = (consumerId: number, jobId: Id, condition: string): Statement[] => [
  {
    sql: `SET @under_way = (SELECT MAX(id) FROM job FORCE INDEX (job_by_consumer) WHERE consumer_id = ? AND ${UNFINISHED} AND ${condition})`,
    values: [consumerId],
  },
  // It waits for a step that is under way: if that was the last one, the job has ended and another one is made.
  {
    sql: `UPDATE job SET settings = JSON_SET(settings, '$.to', ${TO_NOW}), cursor_id = 0, seen = 0, total = NULL,
      updated_at = NOW(3) WHERE id = @under_way AND ${UNFINISHED}`,
  },
  {
    sql: `INSERT INTO job (id, kind, cause, channel_id, consumer_id, channel_name, consumer_name, settings, rate_per_second, end_id)
     SELECT ?, 'redrive', 'auto-redrive', c.channel_id, c.id, h.name, c.name, JSON_OBJECT('reason', 'attempts-exhausted',
              'from', ${formatted(`GREATEST(${FROM}, COALESCE(${WITHIN}, ${FROM}))`)}, 'to', ${TO_NOW}),
            JSON_EXTRACT(c.auto_redrive, '$.ratePerSecond'), ?
       FROM consumer c FORCE INDEX (PRIMARY) STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id
      WHERE c.id = ? AND c.auto_redrive IS NOT NULL AND @failed_from IS NOT NULL AND ${condition}
        AND EXISTS (SELECT 1 FROM dead_letter l FORCE INDEX (PRIMARY) WHERE l.consumer_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM job j FORCE INDEX (PRIMARY) WHERE j.id = @under_way AND ${UNFINISHED})`,
    values: [jobId, LAST_ID, consumerId],
  },
];
