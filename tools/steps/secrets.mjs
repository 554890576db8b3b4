import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem.mjs';

/** Writes a file that only its owner may read, whole or not at all. */
export function writePrivate(file, text) {
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, file);
}

/** The secret kept in `file`; made once. */
export function keptSecret(file, make) {
  if (existsSync(file)) {
    const kept = readFileSync(file, 'utf8').trim();
    if (kept) return kept;
  }
  const secret = make();
  writePrivate(file, `${secret}\n`);
  return secret;
}

export const newPassword = () => randomBytes(24).toString('hex');
export const newAdminKey = () => `admin-${randomBytes(24).toString('base64url')}`;
export const newSecretKey = () => randomBytes(32).toString('base64');

/** The value of NAME, or the content of the file that NAME_FILE names, or undefined. */
export function secretFromEnv(name, env = process.env) {
  if (env[name]) return env[name];
  const file = env[`${name}_FILE`];
  if (!file) return undefined;
  try {
    return readFileSync(path.resolve(file), 'utf8').trim();
  } catch (error) {
    throw new Problem(`${name}_FILE: cannot read ${file} (${error.code})`);
  }
}
