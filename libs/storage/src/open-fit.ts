import { Database, type DatabaseOptions } from './database.js';
import { driverError, isUnavailable, NoConnectionError } from './errors.js';
import { assertFit, SchemaBehindError } from './self-test.js';

const UNKNOWN_DATABASE = 1049;
/** Wrong password, no rights, host or login method not allowed, password expired, account locked, TLS demanded. */
const LOGIN_REFUSED = new Set([1044, 1045, 1130, 1251, 1698, 1862, 3118, 3159]);
/** The driver's words for a login that the server's or our own rules do not allow: TLS, certificates, methods. */
const LOGIN_IMPOSSIBLE = /^(HANDSHAKE_|AUTH_|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;

/**
 * A database that is reached, migrated and fit, with the version of its server. Rejects with `NoConnectionError`, `SchemaBehindError`,
 * `UnfitDatabaseError` or what else the server said, and leaves nothing open.
 */
export async function openFit(options: DatabaseOptions, maxBodyBytes = 0): Promise<{ database: Database; version: string }> {
  const database = await Database.open(options).catch((error: unknown) => {
    throw driverError(error).errno === UNKNOWN_DATABASE ? new SchemaBehindError('the database does not exist yet') : error;
  });
  try {
    return { database, version: await assertFit(database, maxBodyBytes) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** True when waiting can heal what {@link openFit} met: the server comes back, the migration runs. What somebody must put right it cannot. */
export function mayHeal(error: unknown): boolean {
  if (error instanceof SchemaBehindError) return true;
  const { errno, code } = driverError(error);
  if (error instanceof NoConnectionError) return !LOGIN_REFUSED.has(errno ?? 0) && !LOGIN_IMPOSSIBLE.test(code ?? '');
  return isUnavailable(error);
}
