import type { Id } from '@app/domain';
import type { Audience } from '../audiences.js';
import type { Packets } from '../database.js';
import { byId } from '../key-rows.js';

interface Due {
  id: Id;
  channelId: number;
  orderingKey: string | null;
}

/** Rows of `scheduled` that are looked at: some dispatchers' steps. What of a key in order comes behind them has to wait. */
const LOOKED_AT = 2_000;

const nameOf = ({ channelId, orderingKey }: Omit<Due, 'id'>): string => `${channelId}/${orderingKey}`;

/**
 * Of scheduled messages that this transaction holds, in the order in which they are due, those that may not leave yet: another one of their key was due before, and is
 * being released, or cancelled, by another process. Costs nothing when none of them has an order.
 */
export async function outOfTurn(packets: Packets, due: readonly Due[], audiences: ReadonlyMap<number, Audience>): Promise<ReadonlySet<Id>> {
  const ordered = ({ channelId, orderingKey }: Due): boolean => {
    const { ordered: inline, fanout } = audiences.get(channelId)!;
    return orderingKey !== null && (inline !== undefined || fanout?.ordered === true);
  };
  const mine = new Map(due.map((message) => [message.id, message]));
  const waiting = new Map(due.filter(ordered).map((message) => [message.id, message]));
  if (waiting.size === 0) return new Set();
  // Without a lock: what another transaction has locked is read as well, as long as it has not committed.
  const [rows] = await packets.send<[{ id: Id }[]]>({
    sql: 'SELECT message_id AS id FROM scheduled FORCE INDEX (PRIMARY) WHERE due_at <= NOW(3) ORDER BY due_at, message_id LIMIT ?',
    values: [LOOKED_AT],
  });
  const keys = await keysOf(
    packets,
    before(rows, waiting).filter((id) => !mine.has(id)),
  );
  const held = new Set<string>();
  const early = new Set(waiting.keys());
  for (const { id } of rows) {
    const message = mine.get(id);
    if (!message) held.add(keys.get(id) ?? '');
    else if (!held.has(nameOf(message))) early.delete(id);
  }
  return early;
}

/** What comes before the last of those. */
const before = (rows: readonly { id: Id }[], waiting: ReadonlyMap<Id, unknown>): Id[] =>
  rows.slice(0, rows.findLastIndex(({ id }) => waiting.has(id)) + 1).map(({ id }) => id);

async function keysOf(packets: Packets, ids: readonly Id[]): Promise<Map<Id, string>> {
  if (ids.length === 0) return new Map();
  const [rows] = await packets.send<[Due[]]>({
    sql: 'SELECT id, channel_id AS channelId, ordering_key AS orderingKey FROM message FORCE INDEX (PRIMARY) WHERE id IN (?) AND ordering_key IS NOT NULL',
    values: [ids.toSorted(byId)],
  });
  return new Map(rows.map((row) => [row.id, nameOf(row)]));
}
