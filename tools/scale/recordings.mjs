import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What is written down, in the order in which a recording numbers them. */
export const histograms = ['posthorn_claim_seconds', 'posthorn_settle_seconds', 'posthorn_commit_seconds'];

/** The environment of a process whose times are to be recorded in `folder`. */
export const recordingEnvironment = (folder, env = process.env) => ({
  NODE_OPTIONS: [env.NODE_OPTIONS, `--import=${new URL('recorder.mjs', import.meta.url)}`].filter(Boolean).join(' '),
  POSTHORN_RECORDINGS: folder,
});

/** Milliseconds that the processes `pids` recorded in `folder` from `from` to `until` (ms, the machine's monotonic clock), by histogram. */
export function readRecordings(folder, pids, { from, until }) {
  const times = Object.fromEntries(histograms.map((name) => [name, []]));
  for (const pid of pids) {
    const file = path.join(folder, `${pid}.f64`);
    if (!existsSync(file)) continue;
    for (const { name, at, ms } of decode(readFileSync(file))) if (at >= from && at < until) times[name].push(ms);
  }
  return times;
}

/** The records in the bytes of a file; one that is still being written at its end is left out. */
export function* decode(bytes) {
  const size = 3 * Float64Array.BYTES_PER_ELEMENT;
  for (let at = 0; at + size <= bytes.length; at += size) {
    yield { name: histograms[bytes.readDoubleLE(at)], at: bytes.readDoubleLE(at + 8), ms: bytes.readDoubleLE(at + 16) * 1000 };
  }
}
