import { KeyRing, newSigningSecret } from '@app/domain';
import type { Cluster } from './cluster.js';

/** Registers push consumers `c0`, `c1`, … on a channel in one statement: thousands of requests would take longer than the test. */
export async function registerMany(cluster: Cluster, channel: string, count: number, url: string): Promise<void> {
  const [{ id }] = await cluster.database.query<[{ id: number }]>('SELECT id FROM channel WHERE name = ?', [channel]);
  const ring = KeyRing.parse(cluster.env['POSTHORN_SECRET_KEY']!);
  await cluster.database.query('INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES ?', [
    Array.from({ length: count }, (_, n) => [id, `c${n}`, 'push', url, ring.seal(newSigningSecret(), `consumer/${channel}/c${n}`)]),
  ]);
}
