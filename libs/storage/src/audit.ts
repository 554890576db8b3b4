import { idFrom, LAST_ID, msOf, type Id } from '@app/domain';
import type { Database, Session } from './database.js';
import { fromJson } from './json.js';
import { MAX_KEYS } from './key-rows.js';

/** A management write, as far as it is known before it is done. */
export interface AuditEntry {
  /** Minted when the request came: its time is the row's. */
  id: Id;
  /** `admin` for the operator's key. */
  keyId: string;
  keyName: string;
  method: string;
  /** The path with its parameters named: `/v1/channels/:channel`. */
  route: string;
  /** The path of what is written. */
  resource: string;
  /** Names of what the request says; never values. */
  fields: readonly string[];
  requestId: string;
  /** Where it came from. */
  address: string;
}

/** What became of a management write, in place of what its entry says where it is known better. */
export interface AuditOutcome {
  /** The status of the answer. */
  status: number;
  fields?: readonly string[];
  resource?: string;
}

/**
 * One management write on its way into the table. Whoever makes the change records it in the same transaction: there is no change without its
 * row, and no row of a change that was undone.
 */
export class Audit {
  private state: 'open' | 'recorded' | 'ahead' = 'open';

  constructor(readonly entry: AuditEntry) {}

  /** Within the transaction of the change, which may be run again as a whole. */
  async record(session: Session, outcome: AuditOutcome): Promise<void> {
    await session.query(insert, valuesOf(this.entry, outcome));
    this.state = 'recorded';
  }

  /** Before the first of several transactions. */
  async recordAhead(database: Database): Promise<void> {
    await this.record(database, { status: 200 });
    this.state = 'ahead';
  }

  /** After a write that succeeded: records it if no transaction of its own has. */
  async succeeded(database: Database, status: number): Promise<void> {
    if (this.state === 'open') await database.transaction('audit', (session) => this.record(session, { status }));
  }

  /** After a write that was refused or broke. The row of a change whose COMMIT was not answered, but happened, stays as it is. */
  async failed(database: Database, status: number): Promise<void> {
    if (this.state === 'ahead') await database.query('UPDATE audit SET status = ? WHERE id = ?', [status, this.entry.id]);
    else await database.query(insert.replace('INSERT', 'INSERT IGNORE'), valuesOf(this.entry, { status }));
  }
}

const insert = `INSERT INTO audit (id, at, key_id, key_name, method, route, resource, fields, status, request_id, address) VALUES (?)`;

const valuesOf = (entry: AuditEntry, { status, fields = entry.fields, resource = entry.resource }: AuditOutcome): unknown[] => [
  [
    entry.id,
    new Date(msOf(entry.id)),
    entry.keyId,
    entry.keyName,
    entry.method,
    entry.route,
    resource,
    JSON.stringify(fields),
    status,
    entry.requestId,
    entry.address,
  ],
];

export interface AuditRow extends AuditEntry {
  at: Date;
  status: number;
}

/** Which rows; all when empty. */
export interface AuditFilter {
  keyId?: string;
  method?: string;
  /** This resource and all below it. */
  resource?: string;
  /** At or after. */
  from?: Date;
  /** Before. */
  to?: Date;
}

/** Newest first; `before` is the last id of the previous page. Rows that another filter than time or key leaves out are read and passed over. */
export async function listAudit(database: Database, filter: AuditFilter, page: { limit: number; before?: Id }): Promise<AuditRow[]> {
  const parts: [string, ...unknown[]][] = [['id < ?', page.before ?? LAST_ID]];
  if (filter.to) parts.push(['id < ?', idFrom(filter.to.getTime())]);
  if (filter.from) parts.push(['id >= ?', idFrom(filter.from.getTime())]);
  if (filter.keyId !== undefined) parts.push(['key_id = ?', filter.keyId]);
  if (filter.method !== undefined) parts.push(['method = ?', filter.method]);
  if (filter.resource !== undefined) {
    const below = `${filter.resource}/`;
    parts.push(['(resource = ? OR LEFT(resource, ?) = ?)', filter.resource, below.length, below]);
  }
  const [index, order] = filter.keyId === undefined ? ['PRIMARY', 'id DESC'] : ['audit_by_key', 'key_id DESC, id DESC'];
  const rows = await database.query<(AuditRow & { fields: string[] | string })[]>(
    `SELECT id, at, key_id AS keyId, key_name AS keyName, method, route, resource, fields, status, request_id AS requestId, address
       FROM audit FORCE INDEX (${index}) WHERE ${parts.map(([sql]) => sql).join(' AND ')} ORDER BY ${order} LIMIT ?`,
    [...parts.flatMap(([, ...values]) => values), page.limit],
  );
  return rows.map((row) => ({ ...row, fields: fromJson<string[]>(row.fields) ?? [] }));
}

/** Deletes up to 500 rows from before `before`, oldest first. Returns how many. */
export async function pruneAudit(database: Database, before: Date): Promise<number> {
  const { affectedRows } = await database.query('DELETE FROM audit WHERE id < ? ORDER BY id LIMIT ?', [idFrom(before.getTime()), MAX_KEYS]);
  return affectedRows;
}
