import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs';
import path from 'node:path';
import { makeStateDir } from './paths.mjs';
import { tail } from './processes.mjs';

const largestBytes = 20 * 1024 * 1024;
const lookEveryMs = 250;
const unsaid = ['time', 'pid', 'process'];
/** The levels that people see; pino writes them as labels. */
const labels = { warn: 'warning', error: 'error', fatal: 'fatal' };
const hidden = ['trace', 'debug', 'info'];

export const logFile = (app) => path.join(makeStateDir('logs'), `${app}.log`);

/** A file the app writes by itself, so that it goes on whatever happens to us. */
export function openLog(app) {
  const file = logFile(app);
  if (existsSync(file) && statSync(file).size > largestBytes) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/** One log line for people, or undefined when it is below a warning; what is not JSON was written by Node itself. */
export function readable(line) {
  if (!line.trim()) return undefined;
  let entry;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (hidden.includes(entry?.level)) return undefined;
  if (!(entry?.level in labels)) return line;
  const { level, msg, err, stack, ...rest } = entry;
  const more = Object.entries(rest).filter(([key]) => !unsaid.includes(key));
  const fields = more.map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
  return [labels[level], msg, err?.message ?? err?.code ?? stack?.split('\n')[0], ...fields].filter(Boolean).join(' · ');
}

/** The last lines of an app's log, as people read them. */
export function lastLines(app, count = 12) {
  const file = logFile(app);
  if (!existsSync(file)) return '';
  const text = readFileSync(file, 'utf8').slice(-64 * 1024);
  const lines = tail(text, count).split('\n');
  return lines.map((line) => `    ${readable(line) ?? JSON.parse(line).msg ?? line}`).join('\n');
}

/** Calls `onLine` with each warning or error that the app writes from now on; keeps the file from growing without end. */
export function followLog(app, onLine) {
  const file = logFile(app);
  let offset = existsSync(file) ? statSync(file).size : 0;
  let rest = '';
  const look = () => {
    const text = readFrom(file, offset);
    if (text.bytes < 0) offset = 0;
    offset += Math.max(0, text.bytes);
    const lines = (rest + text.text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const said = readable(line);
      if (said) onLine(said);
    }
    if (offset > largestBytes) {
      copyFileSync(file, `${file}.1`);
      truncateSync(file);
      offset = 0;
    }
  };
  const timer = setInterval(look, lookEveryMs);
  return () => {
    clearInterval(timer);
    look();
  };
}

function readFrom(file, offset) {
  if (!existsSync(file)) return { bytes: 0, text: '' };
  const descriptor = openSync(file, 'r');
  try {
    const length = fstatSync(descriptor).size - offset;
    if (length <= 0) return { bytes: length, text: '' };
    const bytes = Buffer.alloc(Math.min(length, 4 * 1024 * 1024));
    const read = readSync(descriptor, bytes, 0, bytes.length, offset);
    return { bytes: read, text: bytes.toString('utf8', 0, read) };
  } finally {
    closeSync(descriptor);
  }
}
