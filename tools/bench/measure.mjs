import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from '../steps/problem.mjs';
import { nowMs } from './clock.mjs';
import { tally } from './figures.mjs';
import { Helper } from './helper.mjs';
import { betweenSamples, sampleStatements } from './statements.mjs';
import { between, Usage } from './usage.mjs';

/** A lease that ran out is claimed again after 30 s: what has not come a minute after the last arrival does not come. */
const silenceMs = 60_000;
/** Messages that were sent but not acknowledged arrive too: the end is when everything is there and nothing comes any more. */
const calmMs = 300;
const lookEveryMs = 100;

/** A sink for one measurement, listening; what it hears is told apart by `tag`. */
export async function startSink({ tag, signal, host = '127.0.0.1', port = 0 }) {
  const sink = new Helper('sink', signal, [tag, host, String(port)]);
  return { sink, heard: await sink.hear('listening') };
}

/**
 * Loads a broker as `order` says, waits until everything has arrived and is settled, and tells what was seen.
 *
 * - `copies[n]`: consumers of the n-th path; `prefix`: of the sink's paths, those that count
 * - `processes`: `{name, pid}` of the broker; `database`: `{connection, name, unfinished()}` when we may look into it
 * - `detail`: shows what is under way; `check`: throws when the broker is not what it was
 *
 * CPU time, statements and their time are those from before the first message until the last one is settled, the warm-up's with them: all that
 * those messages cost. `elsewhere` is the share of the machine that other programs took meanwhile.
 */
export async function measure({ order, copies, prefix, sink, processes, database, signal, drainSeconds, detail, check }) {
  const generator = new Helper('load', signal);
  const usage = new Usage([...processes, { name: 'load generator', pid: generator.pid }, { name: 'sink', pid: sink.pid }]);
  const sample = async () => ({
    usage: usage.sample(),
    statements: database && (await sampleStatements(database.connection, database.name)),
  });
  try {
    const before = await sample();
    const load = await publish(generator, order, detail);
    const owed = load.paths.reduce((sum, path) => sum + copies[path], 0);
    const deadline = nowMs() + drainSeconds * 1000;
    await arrival({ sink, prefix, owed, deadline, signal, detail, check });
    const left = database && (await settling({ database, deadline, signal, detail, check }));
    const after = await sample();
    return {
      ...tally(load, await sink.hear('dump', { type: 'dump', prefix }), copies),
      left,
      errorsByReason: load.errors,
      ...between(before.usage, after.usage),
      peaksMiB: usage.peaks(),
      ...(database && {
        database: { name: database.name, ...cost(betweenSamples(before.statements, after.statements), load.numbers.length) },
      }),
    };
  } finally {
    usage.stop();
    await generator.stop();
  }
}

async function publish(generator, order, detail) {
  let doing = 'warming up';
  generator.on('from', () => (doing = 'measuring'));
  generator.on('progress', ({ acknowledged }) => detail(`${doing}, ${acknowledged} messages acknowledged`));
  detail(doing);
  return generator.hear('done', order);
}

/** Until everything that was acknowledged has arrived, or nothing comes any more. */
async function arrival({ sink, prefix, owed, deadline, signal, detail, check }) {
  const since = nowMs();
  for (;;) {
    const { unique, lastAt } = await sink.hear('count', { type: 'count', prefix });
    const now = nowMs();
    const silent = now - Math.max(lastAt, since);
    if (unique >= owed && now - lastAt > calmMs) return;
    if (silent > silenceMs || now > deadline) return;
    detail(`draining, ${Math.max(0, owed - unique)} deliveries to come`);
    await look(signal, check);
  }
}

/** Until the hot tables are empty; resolves with what is left in them at the end. */
async function settling({ database, deadline, signal, detail, check }) {
  for (;;) {
    const left = await database.unfinished();
    if (left === 0 || nowMs() > deadline) return left;
    detail(`settling, ${left} rows in the hot tables`);
    await look(signal, check);
  }
}

async function look(signal, check) {
  if (signal.aborted) throw new Interrupted();
  check?.();
  await sleep(lookEveryMs);
}

function cost({ statements, seconds, ...others }, messages) {
  const each = (value) => (value === undefined || messages === 0 ? undefined : value / messages);
  return { statements, seconds, statementsPerMessage: each(statements), msPerMessage: each(seconds && seconds * 1000), ...others };
}
