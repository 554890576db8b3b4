import { isName, Problem } from '@app/domain';
import type { Audit } from '../audit.js';
import { isDuplicateKey } from '../errors.js';

/** Versions that a caller has seen; `*` is any. The ETag of RFC 9110, 13.1, without its quotes. */
export type Versions = '*' | readonly string[];

/** What a PUT or DELETE demands of what is there. */
export interface Precondition {
  ifMatch?: Versions;
  ifNoneMatch?: Versions;
}

/** How something is written: what must hold, and the audit entry that becomes a row in the same transaction. */
export interface Write extends Precondition {
  audit: Audit;
}

/** Registry rows, newest first. */
export interface RegistryPage {
  limit: number;
  /** The last row's id of the previous page. */
  beforeId?: number;
}

/** The row after a PUT, and whether the PUT made it. */
export interface Put<Row> {
  row: Row;
  created: boolean;
}

/** Throws {@link Problem} `precondition-failed` unless the row, or its absence, is what the caller demands. */
export function demand(found: { version: number } | null, { ifMatch, ifNoneMatch }: Precondition): void {
  if (ifMatch !== undefined && !isAmong(found, ifMatch)) {
    throw new Problem('precondition-failed', found ? `the version is now "${found.version}"` : 'it does not exist');
  }
  if (ifNoneMatch !== undefined && isAmong(found, ifNoneMatch)) throw new Problem('precondition-failed', 'it exists already');
}

const isAmong = (found: { version: number } | null, versions: Versions): boolean =>
  found !== null && (versions === '*' || versions.includes(String(found.version)));

/** Runs a transaction that makes a row again when another one made it at the same moment: this one then finds it. */
export async function unlessRaced<T>(transaction: () => Promise<T>): Promise<T> {
  for (let run = 1; ; run++) {
    try {
      return await transaction();
    } catch (error) {
      if (!isDuplicateKey(error) || run === 3) throw error;
    }
  }
}

/** Throws {@link Problem} `validation-failed` for a name that nothing can have. */
export function checkName(name: string, field: string): void {
  if (!isName(name)) throw Problem.invalid([{ field, message: 'must be 1 to 100 of A-Z a-z 0-9 . _ -, and not . or ..' }]);
}

export const NOW = (): string => 'NOW(3)';
export const ONE_MORE = (): string => 'version + 1';
