import { say, step } from '../steps/progress.mjs';
import { casesOf, expectedSeconds, mostSeconds } from './cases.mjs';
import { nowMs } from './clock.mjs';
import { medians } from './figures.mjs';
import { measurePosthorn } from './posthorn.mjs';
import { headline } from './report.mjs';
import { roughly, TimeLeft } from './time-left.mjs';

const channel = 'bench';

/** Measures Posthorn in every case, `runs` times over. */
export const sweep = (options, context) =>
  measureCases(options, (one, detail) => measurePosthornCase(one, { ...context, options, detail }));

/** One case of Posthorn's. */
export function measurePosthornCase(one, context) {
  const consumers = (sinkUrl) =>
    Array.from({ length: one.fanOut }, (_, index) => ({ name: `consumer-${index + 1}`, url: `${sinkUrl}/${index + 1}` }));
  return measurePosthorn(
    {
      layout: (sinkUrl) => [{ name: channel, consumers: consumers(sinkUrl) }],
      order: one,
      dispatchers: one.dispatchers,
      copies: [one.fanOut],
      prefix: '/',
    },
    context,
  );
}

/** Says how long it will take, measures every case `runs` times over, and shows how far it is; `measureOne(case, detail)` does one. */
export async function measureCases(options, measureOne) {
  const cases = casesOf(options).map((one) => ({ ...one, runs: [] }));
  const planned = Array.from({ length: options.runs }, () => cases).flat();
  announce(planned, options);
  const left = new TimeLeft(
    planned.map((one) => expectedSeconds(one, options)),
    nowMs,
  );
  for (const [index, { runs, ...one }] of planned.entries()) {
    left.begin(index);
    const title = `[${index + 1}/${planned.length}] ${one.kind}, ${one.shape}`;
    const { figures, complaints } = await step(title, (show) => measureOne(one, (text) => show(`${text} · ${left.text()}`)));
    say(`    ${headline(one, figures)}`);
    for (const line of complaints.slice(0, 5)) say(`    ${line}`);
    runs.push({ ...figures, complaints: complaints.length });
  }
  return { cases: cases.map((one) => ({ ...one, median: medians(one.runs) })) };
}

function announce(planned, options) {
  const total = (seconds) => planned.reduce((sum, one) => sum + seconds(one, options), 0);
  const count = planned.length === 1 ? '1 measurement' : `${planned.length} measurements`;
  say(`${count}, about ${roughly(total(expectedSeconds))}; at most ${roughly(total(mostSeconds))}, or they are reported as failed.`);
}
