import { say, step } from '../steps/progress.mjs';
import { describeConsumers, loadBacklog } from './backlog.mjs';
import { nowMs } from './clock.mjs';
import { medians } from './figures.mjs';
import { layoutOf, rateInAll, refusingName, sick, slowName, turnsOf } from './neighbourhood.mjs';
import { measurePosthorn } from './posthorn.mjs';
import { headline } from './report.mjs';
import { roughly, TimeLeft } from './time-left.mjs';

const rowsPerSecond = 15_000;
const startAndEndSeconds = 15;
const mostStartAndEndSeconds = 150;

/** How much longer the slowest hundredth may wait beside sick consumers. */
export const goal = 1.3;

/**
 * Publish-to-arrival of healthy consumers, alternately without and with sick ones beside them, each time on a Posthorn of its own with the same load.
 */
export async function neighbours(options, context) {
  const planned = planOf(options);
  announce(planned, options);
  const left = new TimeLeft(
    planned.map((mode) => expectedSeconds(mode, options)),
    nowMs,
  );
  const runs = { without: [], with: [] };
  for (const [index, mode] of planned.entries()) {
    left.begin(index);
    const title = `[${index + 1}/${planned.length}] ${options.healthy} healthy consumers ${mode} sick neighbours`;
    const { figures, complaints } = await step(title, (show) =>
      measureOnce(mode, options, { ...context, options, detail: (text) => show(`${text} · ${left.text()}`) }),
    );
    say(`    ${headline({ kind: 'latency' }, figures)}`);
    for (const line of complaints.slice(0, 5)) say(`    ${line}`);
    runs[mode].push({ ...figures, complaints: complaints.length });
  }
  return { neighbours: compare(runs) };
}

/** Each round has both; every other round begins with the sick ones, so that a machine that slows down speaks for neither. */
export const planOf = ({ runs }) =>
  Array.from({ length: runs }, (_, round) => (round % 2 === 0 ? ['without', 'with'] : ['with', 'without'])).flat();

/** Medians of the rounds, and what the sick neighbours made of them. */
export function compare(runs) {
  const side = (mode) => ({ median: medians(runs[mode]), runs: runs[mode] });
  const sides = { without: side('without'), with: side('with') };
  const ratio = (name) => sides.with.median[name] / sides.without.median[name];
  return { ...sides, ratioP50: ratio('arrivalP50Ms'), ratioP99: ratio('arrivalP99Ms'), goal };
}

function expectedSeconds(mode, { seconds, warmUpSeconds, backlog }) {
  return startAndEndSeconds + warmUpSeconds + seconds + (mode === 'with' ? backlog / rowsPerSecond : 0);
}

function announce(planned, options) {
  const expected = planned.reduce((sum, mode) => sum + expectedSeconds(mode, options), 0);
  const most = expected + planned.length * (mostStartAndEndSeconds + options.drainSeconds);
  say(`${planned.length} measurements, about ${roughly(expected)}; at most ${roughly(most)}, or they are reported as failed.`);
}

function measureOnce(mode, options, context) {
  const { payloads, dispatchers, rate, seconds } = options;
  const { layout, copies } = layoutOf(options, mode);
  return measurePosthorn(
    {
      layout,
      order: { rate: rateInAll(rate), seconds, payload: payloads[0], turns: turnsOf(copies.length - 1) },
      dispatchers: dispatchers[0],
      copies,
      prefix: '/healthy/',
      except: sick,
      lookBack: async ({ broker }) => ({ others: summarise(await describeConsumers(broker.databaseUrl, sick)) }),
      ...(mode === 'with' && { prepare: ({ broker, detail }) => fallBehind(broker, options, { ...context, detail }) }),
    },
    context,
  );
}

/** Every slow consumer gets its share of the backlog. */
async function fallBehind(broker, { backlog, slow, payloads }, { signal, detail }) {
  for (let number = 1; number <= slow; number += 1) {
    await loadBacklog(broker.databaseUrl, {
      channel: sick,
      consumer: slowName(number),
      rows: Math.ceil(backlog / slow),
      payload: payloads[0],
      signal,
      onProgress: (rows) => detail(`loading the backlog of ${slowName(number)}, ${rows} rows`),
    });
  }
}

function summarise({ [refusingName]: refusing, ...slow }) {
  return { waiting: Object.values(slow).reduce((sum, { ready }) => sum + ready, 0), attempted: refusing.attempts };
}
