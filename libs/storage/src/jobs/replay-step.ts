import { deliveryStatusCode, deliveryStatusName, type FilterJson, type Id, REPLAY_RANK, replayOf } from '@app/domain';
import type { Session } from '../database.js';
import { makeReady } from '../make-ready.js';
import { queueAgain, removeDeadLetters } from '../take-dead-letters.js';
import type { JobRow, Progress } from './job-rows.js';
import { nextMessages } from './past-messages.js';

interface Present {
  status: number;
  attempts: number;
}

/**
 * Sends the next messages of a channel to one consumer again, in the order in which they were published: those of the type, statuses and filter that are
 * wanted. One that is on its way to the consumer already is left alone and counted.
 *
 * Nothing is sent twice: dead letters and deliveries are locked before they are judged, in the order in which a redrive takes them; a fan-out that is not
 * over counts as on its way. A delivery that another job makes at the same moment is a duplicate key, and the whole step is made again.
 */
export async function replayStep(
  session: Session,
  job: JobRow,
  filter: FilterJson | string | null,
  most: number,
  mint: () => Id,
): Promise<Progress> {
  const { consumerId } = job;
  const { messages, seen, cursor, ended } = await nextMessages(session, job, filter, most);
  const ids = messages.map(({ id }) => id);
  const buried = await lockDeadLetters(session, consumerId, ids);
  const present = await lockDeliveries(session, consumerId, ids);
  const fresh: Id[] = [];
  const again: Id[] = [];
  let skipped = 0;
  for (const { id, pending } of messages) {
    const delivery = present.get(id);
    const act = pending ? 'busy' : replayOf(delivery && deliveryStatusName(delivery.status), job.settings.statuses);
    if (act === 'busy') skipped++;
    else if (act !== 'unwanted') (act === 'send' ? fresh : again).push(id);
  }
  const wanted = new Set([...fresh, ...again]);
  await removeDeadLetters(
    session,
    consumerId,
    buried.filter((id) => wanted.has(id)),
  );
  if (fresh.length > 0) {
    await session.query('INSERT INTO delivery (message_id, consumer_id, status, replays, job_id) VALUES ?', [
      fresh.map((id) => [id, consumerId, deliveryStatusCode('queued'), 1, job.id]),
    ]);
  }
  await queueAgain(session, consumerId, again, { job: job.id, replays: 1 });
  await makeReady(
    session,
    ids
      .filter((id) => wanted.has(id))
      .map((id) => ({
        consumerId,
        rank: REPLAY_RANK,
        seq: mint(),
        messageId: id,
        attempts: present.get(id)?.attempts ?? 0,
        replay: job.id,
      })),
  );
  return { done: wanted.size, skipped, seen, cursor, ended };
}

async function lockDeadLetters(session: Session, consumerId: number, ids: readonly Id[]): Promise<Id[]> {
  if (ids.length === 0) return [];
  const rows = await session.query<{ id: Id }[]>(
    `SELECT l.message_id AS id FROM dead_letter l FORCE INDEX (PRIMARY) WHERE l.consumer_id = ? AND l.message_id IN (?)
      ORDER BY l.consumer_id, l.message_id FOR UPDATE`,
    [consumerId, ids],
  );
  return rows.map(({ id }) => id);
}

async function lockDeliveries(session: Session, consumerId: number, ids: readonly Id[]): Promise<Map<Id, Present>> {
  if (ids.length === 0) return new Map();
  const rows = await session.query<(Present & { id: Id })[]>(
    `SELECT d.message_id AS id, d.status, d.attempts FROM delivery d FORCE INDEX (PRIMARY) WHERE d.consumer_id = ? AND d.message_id IN (?)
      ORDER BY d.message_id, d.consumer_id FOR UPDATE`,
    [consumerId, ids],
  );
  return new Map(rows.map(({ id, ...row }) => [id, row]));
}
