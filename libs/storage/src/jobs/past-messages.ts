import { type FilterJson, type Id, isTest, messageStatusCode } from '@app/domain';
import type { Session } from '../database.js';
import { filtersOf, recipients } from '../recipients.js';
import { MAX_KEYS } from '../key-rows.js';
import type { JobRow } from './job-rows.js';

/** A message that a replay may send. */
export interface PastMessage {
  id: Id;
  /** A fan-out is still going to make the consumer's delivery. */
  pending: boolean;
}

export interface PastMessages {
  messages: PastMessage[];
  /** How many were looked at. */
  seen: number;
  cursor: Id;
  ended: boolean;
}

interface Row {
  id: Id;
  status: number;
  type: string | null;
  size: number;
  headers: string | null;
  pending: number | string;
}

/** Payloads that one step reads for a filter that asks about them. */
const FILTER_BYTES = 16 * 1024 * 1024;

const published: ReadonlySet<number> = new Set([messageStatusCode('acknowledged'), messageStatusCode('out-for-delivery')]);

/** The next messages behind the job's cursor, 500 looked at, up to `most` that its type and the consumer's filter want. Tests and what waits for its time are none. */
export async function nextMessages(
  session: Session,
  { channelId, consumerId, cursor, end, settings }: Pick<JobRow, 'channelId' | 'consumerId' | 'cursor' | 'end' | 'settings'>,
  filter: FilterJson | string | null,
  most: number,
): Promise<PastMessages> {
  const rows = await session.query<Row[]>(
    `SELECT m.id, m.status, m.type, m.size, m.headers,
            IF(f.message_id IS NOT NULL, f.after_consumer_id < ? AND f.last_consumer_id >= ?, m.status = ? AND m.ordering_key IS NOT NULL AND EXISTS
              (SELECT 1 FROM fanout_waiting w FORCE INDEX (PRIMARY)
                WHERE w.key_hash = CAST(CONV(LEFT(SHA2(m.ordering_key, 256), 16), 16, 10) AS UNSIGNED) AND w.message_id = m.id AND w.last_consumer_id >= ?)) AS pending
       FROM message m FORCE INDEX (message_by_channel) LEFT JOIN fanout f FORCE INDEX (PRIMARY) ON f.message_id = m.id
      WHERE m.channel_id = ? AND m.id > ? AND m.id <= ? ORDER BY m.channel_id, m.id LIMIT ?`,
    [consumerId, consumerId, messageStatusCode('acknowledged'), consumerId, channelId, cursor, end, MAX_KEYS],
  );
  const within = filter === null ? rows : upToBytes(rows);
  const candidates = within.filter(
    (row) => published.has(row.status) && !isTest(row.headers) && (settings.type === undefined || row.type === settings.type),
  );
  const wanted = await matching(session, consumerId, candidates, filter);
  const messages = wanted.slice(0, most).map(({ id, pending }) => ({ id, pending: Number(pending) === 1 }));
  const cut = messages.length < wanted.length;
  const last = (cut ? messages.at(-1)?.id : within.at(-1)?.id) ?? cursor;
  const seen = cut ? within.findIndex(({ id }) => id === last) + 1 : within.length;
  return { messages, seen, cursor: last, ended: !cut && within.length === rows.length && rows.length < MAX_KEYS };
}

/** The first rows whose payloads add up to no more than 16 MiB, at least one. */
function upToBytes(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  const end = rows.findIndex(({ size }, index) => (bytes += size) > FILTER_BYTES && index > 0);
  return end === -1 ? rows : rows.slice(0, end);
}

/** Those that the consumer's filter wants, or cannot judge. */
async function matching(
  session: Session,
  consumerId: number,
  rows: readonly Row[],
  filter: FilterJson | string | null,
): Promise<readonly Row[]> {
  const filters = filtersOf([{ id: consumerId, filter }]);
  if (!filters || rows.length === 0) return rows;
  const messages = await session.query<
    { id: Id; type: string | null; contentType: string | null; headers: string | null; payload: Buffer }[]
  >('SELECT id, type, content_type AS contentType, headers, payload FROM message FORCE INDEX (PRIMARY) WHERE id IN (?)', [
    rows.map(({ id }) => id),
  ]);
  const passed = new Set(
    messages.filter((message) => recipients([consumerId], filters, message, () => undefined).length > 0).map(({ id }) => id),
  );
  return rows.filter(({ id }) => passed.has(id));
}
