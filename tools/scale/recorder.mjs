/**
 * Loaded into a process of Posthorn before anything else (`--import`): writes down every time that the process puts into one of its histograms, which
 * keep only how many fell between two limits. The file holds three doubles for each: which histogram, when (ms, the machine's monotonic clock) and
 * how many seconds. It is named after the process and lies in POSTHORN_RECORDINGS.
 */
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { nowMs } from '../bench/clock.mjs';
import { histograms } from './recordings.mjs';

const writeEveryMs = 250;
const folder = process.env.POSTHORN_RECORDINGS;

if (folder && isMainThread) {
  const { Histogram } = createRequire(import.meta.url)('prom-client');
  const file = path.join(folder, `${process.pid}.f64`);
  const observe = Histogram.prototype.observeWithoutExemplar;
  let seen = [];
  // The constructor copies the method to the histogram, so this must come before any is made.
  Histogram.prototype.observeWithoutExemplar = function record(labels, value) {
    const which = histograms.indexOf(this.name);
    if (which !== -1) seen.push(which, nowMs(), value ?? labels);
    return observe.call(this, labels, value);
  };
  const write = () => {
    if (seen.length === 0) return;
    appendFileSync(file, Float64Array.from(seen));
    seen = [];
  };
  setInterval(write, writeEveryMs).unref();
  process.once('exit', write);
}
