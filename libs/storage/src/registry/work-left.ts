import { deliveryStatusCode, type Id, Problem } from '@app/domain';
import type { Database, Session } from '../database.js';
import { FIRST_RETRY, retriesAfter } from '../retry-window.js';

/** Each is counted up to this. */
const COUNTED = 10_000;
/** Rows of `retry` or `fanout` in one statement, and looked through in all. */
const WINDOW = 5_000;
const LOOKED_THROUGH = 1_000_000;
/** Rows that are looked at while the channel is locked. */
const LATEST = 500;

const UNFINISHED = [
  deliveryStatusCode('queued'),
  deliveryStatusCode('in-flight'),
  deliveryStatusCode('retry-delivery'),
  deliveryStatusCode('retry-in-flight'),
];

/**
 * Throws {@link Problem} `conflict`, with counts, when a consumer has work that is not finished: deliveries due, in flight or waiting for a retry, messages
 * whose fan-out has not come to it, or jobs. Without locks, in windows, through a million rows of each table at most; more than that counts as work.
 */
export async function refuseWorkLeft(database: Database, channelId: number, consumerId: number): Promise<void> {
  const ready = await countOf(database, 'ready FORCE INDEX (PRIMARY)', 'consumer_id = ?', [consumerId]);
  const jobs = await countOf(database, 'job FORCE INDEX (job_by_consumer)', `consumer_id = ? AND state IN ('running', 'paused')`, [
    consumerId,
  ]);
  const behind = await countOf(database, 'key_waiting FORCE INDEX (PRIMARY)', 'consumer_id = ?', [consumerId]);
  const queued = await countOf(database, 'fanout_waiting', 'channel_id = ? AND last_consumer_id >= ?', [channelId, consumerId]);
  const retries = await retriesOf(database, consumerId);
  const fanouts = await fanoutsOf(database, channelId, consumerId);
  const parts = [
    told(ready, 'deliveries that are due or in flight'),
    told(behind, 'deliveries that wait behind others of their key'),
    told(retries.found, 'deliveries that wait for a retry'),
    told(fanouts.found + queued, 'messages that are not out for delivery'),
    told(jobs, 'jobs'),
    ...(retries.all && fanouts.all ? [] : ['more rows of others than could be looked through']),
  ].filter((part) => part !== '');
  if (parts.length > 0) throw new Problem('conflict', `the consumer has ${parts.join(', ')}: wait, or use ?force=true to give them up`);
}

const told = (count: number, what: string): string => (count === 0 ? '' : `${count >= COUNTED ? `${COUNTED} or more` : count} ${what}`);

async function countOf(database: Database, table: string, where: string, values: unknown[]): Promise<number> {
  const [row] = await database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} WHERE ${where} LIMIT ?) t`, [
    ...values,
    COUNTED,
  ]);
  return Number(row!.n);
}

interface Found {
  found: number;
  /** Whether everything was looked through. */
  all: boolean;
}

async function retriesOf(database: Database, consumerId: number): Promise<Found> {
  let [found, after] = [0, FIRST_RETRY];
  for (let looked = 0; looked < LOOKED_THROUGH && found < COUNTED; looked += WINDOW) {
    const rows = await retriesAfter(database, after, WINDOW);
    found += rows.filter((row) => row.consumerId === consumerId).length;
    if (rows.length < WINDOW) return { found, all: true };
    after = rows.at(-1)!;
  }
  return { found, all: found > 0 };
}

async function fanoutsOf(database: Database, channelId: number, consumerId: number): Promise<Found> {
  let [found, after] = [0, '0'];
  for (let looked = 0; looked < LOOKED_THROUGH && found < COUNTED; looked += WINDOW) {
    const rows = await database.query<{ id: Id; hit: number | string }[]>(
      `SELECT message_id AS id, (channel_id = ? AND after_consumer_id < ? AND last_consumer_id >= ?) AS hit FROM fanout FORCE INDEX (PRIMARY)
        WHERE message_id > ? ORDER BY message_id LIMIT ?`,
      [channelId, consumerId, consumerId, after, WINDOW],
    );
    found += rows.filter(({ hit }) => Number(hit) === 1).length;
    if (rows.length < WINDOW) return { found, all: true };
    after = rows.at(-1)!.id;
  }
  return { found, all: found > 0 };
}

/**
 * Whether work has begun since {@link refuseWorkLeft} looked. The channel's row is locked: nothing is accepted and nothing fanned out meanwhile, so that the
 * look is bounded: what is ready, the last 500 deliveries, and the last 500 messages that wait for their fan-out.
 */
export async function workBegan(session: Session, channelId: number, consumerId: number): Promise<boolean> {
  const [row] = await session.query<{ found: number | string }[]>(
    `SELECT (EXISTS (SELECT 1 FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = ?)
          OR EXISTS (SELECT 1 FROM (SELECT status FROM delivery FORCE INDEX (delivery_by_consumer) WHERE consumer_id = ?
                                     ORDER BY consumer_id DESC, message_id DESC LIMIT ${LATEST}) t WHERE t.status IN (?))
          OR EXISTS (SELECT 1 FROM (SELECT channel_id, after_consumer_id, last_consumer_id FROM fanout FORCE INDEX (PRIMARY) ORDER BY message_id DESC
                                     LIMIT ${LATEST}) t WHERE t.channel_id = ? AND t.after_consumer_id < ? AND t.last_consumer_id >= ?)
          OR EXISTS (SELECT 1 FROM key_waiting FORCE INDEX (PRIMARY) WHERE consumer_id = ?)
          OR EXISTS (SELECT 1 FROM job FORCE INDEX (job_by_consumer) WHERE consumer_id = ? AND state IN ('running', 'paused'))) AS found`,
    [consumerId, consumerId, UNFINISHED, channelId, consumerId, consumerId, consumerId, consumerId],
  );
  return Number(row?.found) === 1;
}

/** Of a channel that is locked. Throws {@link Problem} `conflict`, with counts. */
export async function refuseUse(session: Session, channelId: number): Promise<void> {
  const [consumers] = await session.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM (SELECT 1 FROM consumer FORCE INDEX (consumer_by_channel) WHERE channel_id = ? LIMIT ?) t`,
    [channelId, COUNTED],
  );
  const n = Number(consumers!.n);
  if (n > 0) throw new Problem('conflict', `the channel has ${told(n, 'consumers')}: delete them first, or use ?force=true`);
  const [fanouts] = await session.query<{ n: string }[]>(
    `SELECT COUNT(*) AS n FROM (SELECT channel_id FROM fanout FORCE INDEX (PRIMARY) ORDER BY message_id DESC LIMIT ?) t WHERE t.channel_id = ?`,
    [COUNTED, channelId],
  );
  const waiting = Number(fanouts!.n);
  if (waiting > 0)
    throw new Problem('conflict', `the channel has ${told(waiting, 'messages that are not out for delivery')}: wait, or use ?force=true`);
  const [scheduled] = await session.query<unknown[]>(
    'SELECT 1 FROM scheduled FORCE INDEX (scheduled_by_channel) WHERE channel_id = ? LIMIT 1',
    [channelId],
  );
  if (scheduled) throw new Problem('conflict', 'the channel has scheduled messages: cancel them, or use ?force=true');
}
