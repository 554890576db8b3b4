import { type DeliveryStatus, deliveryStatusCode, type ErrorClass } from '@app/domain';
import type { Cluster } from './cluster.js';
import { eventually } from './eventually.js';
import type { Sink } from './sink.js';

type Row = Record<string, string>;

/** How many messages of a channel are stored. */
export async function messagesOf(cluster: Cluster, channel: string): Promise<number> {
  const [row] = await cluster.database.query<Row[]>(
    'SELECT COUNT(*) AS n FROM message m JOIN channel h ON h.id = m.channel_id WHERE h.name = ?',
    [channel],
  );
  return Number(row!['n']);
}

/** How many deliveries of a channel are stored, all or those with one status. */
export async function deliveriesOf(cluster: Cluster, channel: string, status?: DeliveryStatus): Promise<number> {
  const [row] = await cluster.database.query<Row[]>(
    `SELECT COUNT(*) AS n FROM delivery d JOIN consumer c ON c.id = d.consumer_id JOIN channel h ON h.id = c.channel_id
      WHERE h.name = ? AND ? IN (0, d.status)`,
    [channel, status === undefined ? 0 : deliveryStatusCode(status)],
  );
  return Number(row!['n']);
}

/** How many attempts of a channel failed, in any way or in one. */
export async function failedAttemptsOf(cluster: Cluster, channel: string, errorClass?: ErrorClass): Promise<number> {
  const [row] = await cluster.database.query<Row[]>(
    `SELECT COUNT(*) AS n FROM attempt a JOIN consumer c ON c.id = a.consumer_id JOIN channel h ON h.id = c.channel_id
      WHERE h.name = ? AND a.error_class IS NOT NULL AND ? IN ('', a.error_class)`,
    [channel, errorClass ?? ''],
  );
  return Number(row!['n']);
}

/**
 * Fails unless everything comes to an end within `withinMs`, exactly the messages `ids` are stored, each consumer (a sink for each) got every one of
 * them, and every delivery is delivered.
 */
export async function expectAllDelivered(
  cluster: Cluster,
  channel: string,
  ids: readonly string[],
  sinks: readonly Sink[],
  withinMs = 30_000,
): Promise<void> {
  await eventually(() => cluster.idle(), withinMs, 100);
  expect(new Set(ids).size).toBe(ids.length);
  expect(await messagesOf(cluster, channel)).toBe(ids.length);
  for (const sink of sinks) expect([...new Set(sink.ids)].toSorted()).toEqual(ids.toSorted());
  expect(await deliveriesOf(cluster, channel)).toBe(ids.length * sinks.length);
  expect(await deliveriesOf(cluster, channel, 'delivered')).toBe(ids.length * sinks.length);
}
