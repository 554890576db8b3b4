import type { Database, NewMessage, Node } from '@app/storage';

let channels = 0;

/** A channel with push consumers, written straight into the tables. */
export async function channelWith(database: Database, consumers: number): Promise<{ channelId: number; consumerIds: number[] }> {
  const { insertId: channelId } = await database.query('INSERT INTO channel (name) VALUES (?)', [`c${++channels}`]);
  const consumerIds: number[] = [];
  for (let n = 0; n < consumers; n++) {
    const { insertId } = await database.query(
      `INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES (?, ?, 'push', 'http://127.0.0.1/', '')`,
      [channelId, `k${n}`],
    );
    consumerIds.push(insertId);
  }
  return { channelId, consumerIds };
}

export const newMessage = (node: Node, channelId: number, more: Partial<NewMessage> = {}): NewMessage => ({
  id: node.mint(),
  channelId,
  producerId: null,
  priority: 0,
  type: null,
  orderingKey: null,
  contentType: null,
  headers: null,
  traceParent: null,
  payload: Buffer.from('x'),
  ...more,
});
