import { say, step } from '../steps/progress.mjs';
import { measureBareLoop } from './bare-loop.mjs';
import { casesOf, expectedSeconds } from './cases.mjs';
import { nowMs } from './clock.mjs';
import { medians } from './figures.mjs';
import { headline } from './report.mjs';
import { measurePosthornCase } from './sweep.mjs';
import { roughly, TimeLeft } from './time-left.mjs';

const judged = { throughput: ['acceptedPerSecond', 'deliveredPerSecond'], latency: ['arrivalP50Ms', 'arrivalP99Ms'] };
const measures = { bare: measureBareLoop, posthorn: measurePosthornCase };

/** Posthorn and the bare loop in turns, each time from an empty database: every case `runs` times each. */
export async function besideBareLoop(options, context) {
  const cases = casesOf(options).map((one) => ({ ...one, bare: [], posthorn: [] }));
  const planned = planOf(cases, options);
  const seconds = planned.map(({ one }) => expectedSeconds(one, options));
  say(`${planned.length} measurements, about ${roughly(seconds.reduce((sum, each) => sum + each, 0))}.`);
  const left = new TimeLeft(seconds, nowMs);
  for (const [index, { one, side }] of planned.entries()) {
    left.begin(index);
    const { bare: _, posthorn: __, ...order } = one;
    const title = `[${index + 1}/${planned.length}] ${side === 'bare' ? 'bare loop' : 'Posthorn'}: ${one.kind}, ${one.shape}`;
    const { figures, complaints } = await step(title, (show) =>
      measures[side](order, { ...context, options, detail: (text) => show(`${text} · ${left.text()}`) }),
    );
    say(`    ${headline(one, figures)}`);
    for (const line of complaints.slice(0, 5)) say(`    ${line}`);
    one[side].push({ ...figures, complaints: complaints.length });
  }
  return { comparisons: cases.map(compare) };
}

/** Each case in rounds of both; every other round begins with Posthorn, so that a machine that slows down speaks for neither. */
export const planOf = (cases, { runs }) =>
  cases.flatMap((one) =>
    Array.from({ length: runs }, (_, round) => (round % 2 === 0 ? ['bare', 'posthorn'] : ['posthorn', 'bare'])).flatMap((sides) =>
      sides.map((side) => ({ one, side })),
    ),
  );

/** Medians of both sides, and Posthorn's divided by the bare loop's. */
export function compare({ kind, shape, bare, posthorn }) {
  const sides = { bare: { median: medians(bare), runs: bare }, posthorn: { median: medians(posthorn), runs: posthorn } };
  const ratio = (name) => sides.posthorn.median[name] / sides.bare.median[name];
  return { kind, shape, ...sides, ratios: Object.fromEntries(judged[kind].map((name) => [name, ratio(name)])) };
}
