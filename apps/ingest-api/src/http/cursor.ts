import type { Found, Place, SearchPage } from '@app/storage';
import { badCursor } from './bound-cursors.js';

/** Where the next page of a list begins. Opaque to callers: base64url of a JSON list of texts, each of which is checked; bound-cursors.ts adds a check sum. */
export const encodeCursor = (parts: readonly string[]): string => Buffer.from(JSON.stringify(parts)).toString('base64url');

/** Throws {@link Problem} `validation-failed` unless it is a cursor with parts of these forms. */
export function decodeCursor(cursor: string | undefined, forms: readonly RegExp[]): string[] | undefined {
  if (cursor === undefined) return undefined;
  const parts = textsOf(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (parts?.length !== forms.length || !forms.every((form, index) => form.test(parts[index] ?? ''))) {
    throw badCursor();
  }
  return parts;
}

function textsOf(json: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

const NUMBER = /^\d{1,20}$/;

/** A page of rows that are ordered by one number, newest first: a row id or a message id. */
export async function pageById<Row, View>(
  query: { limit?: number; cursor?: string },
  read: (limit: number, before: string | undefined) => Promise<readonly Row[]>,
  idOf: (row: Row) => string | number,
  view: (row: Row) => View,
): Promise<{ items: View[]; cursor: string | null }> {
  const [before] = decodeCursor(query.cursor, [NUMBER]) ?? [];
  return pageOf(
    query.limit,
    (limit) => read(limit, before),
    (row) => [String(idOf(row))],
    view,
  );
}

export const DEFAULT_LIMIT = 50;

/** Reads one row more than the page holds: it says whether there is a next page. */
export async function pageOf<Row, View>(
  limit: number = DEFAULT_LIMIT,
  read: (limit: number) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string[],
  view: (row: Row) => View,
): Promise<{ items: View[]; cursor: string | null }> {
  const rows = await read(limit + 1);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { items: rows.slice(0, limit).map(view), cursor: last === undefined ? null : encodeCursor(keyOf(last)) };
}

/** A page of a search, which may have fewer rows than `limit`, or none, before its end. */
export async function pageOfSearch<Row, View>(
  query: { limit?: number; cursor?: string },
  find: (page: SearchPage) => Promise<Found<Row>>,
  view: (row: Row) => View,
): Promise<{ items: View[]; cursor: string | null }> {
  const [messageId, consumerId] = decodeCursor(query.cursor, [NUMBER, NUMBER]) ?? [];
  const after: Place | undefined = messageId === undefined ? undefined : { messageId, consumerId: Number(consumerId) };
  const { rows, next } = await find({ limit: query.limit ?? DEFAULT_LIMIT, after });
  return { items: rows.map(view), cursor: next === undefined ? null : encodeCursor([next.messageId, String(next.consumerId)]) };
}
