import { type Database, pruneAudit } from '@app/storage';
import { drain } from './drain.js';
import type { Duty } from './duty.js';

const DAY_MS = 86_400_000;

/** Deletes the audit rows that are older than they are kept, 500 in a statement. */
export const pruneAuditRows = (database: Database, retentionDays: number): Duty => ({
  name: 'prune-audit',
  everyMs: 60_000,
  doOnce: () => drain(() => pruneAudit(database, new Date(Date.now() - retentionDays * DAY_MS))),
});
