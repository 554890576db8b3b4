import type { SealedColumns } from '@app/domain';
import type { Database } from './database.js';
import { fromJson } from './json.js';

/** A consumer's row, as far as it is sealed, and what a version that did not seal headers left in it. */
export interface SealedRow extends SealedColumns {
  id: number;
  version: number;
  channel: string;
  consumer: string;
  headers: Record<string, string> | null;
}

const JSON_COLUMNS = ['headers', 'formerSecrets', 'sealedHeaders', 'auth', 'tls'] as const;

/** The next rows after an id, in order of their ids. */
export async function sealedRows(database: Database, afterId: number, limit: number): Promise<SealedRow[]> {
  const rows = await database.query<SealedRow[]>(
    `SELECT c.id, c.version, h.name AS channel, c.name AS consumer, c.headers, c.signing_secret AS signingSecret, c.former_secrets AS formerSecrets,
            c.sealed_headers AS sealedHeaders, c.auth, c.tls
       FROM consumer c FORCE INDEX (PRIMARY) STRAIGHT_JOIN channel h FORCE INDEX (PRIMARY) ON h.id = c.channel_id
      WHERE c.id > ? ORDER BY c.id LIMIT ?`,
    [afterId, limit],
  );
  return rows.map((row) => Object.assign(row, Object.fromEntries(JSON_COLUMNS.map((name) => [name, fromJson(row[name])]))));
}

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

/** Writes what was sealed anew, unless the row has changed since it was read. The version stays: nothing that anybody sees is another. */
export async function replaceSealed(database: Database, { id, version }: SealedRow, columns: SealedColumns): Promise<boolean> {
  const { affectedRows } = await database.query(
    `UPDATE consumer SET signing_secret = ?, former_secrets = ?, headers = NULL, sealed_headers = ?, auth = ?, tls = ? WHERE id = ? AND version = ?`,
    [columns.signingSecret, json(columns.formerSecrets), json(columns.sealedHeaders), json(columns.auth), json(columns.tls), id, version],
  );
  return affectedRows === 1;
}
