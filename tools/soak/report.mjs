import { asMarkdown, asText } from '../bench/draw.mjs';
import { sparkline } from './chart.mjs';

const digits = (value) => (Number.isFinite(value) ? (Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0)) : '–');

export function title({ system, database, settings, rate, capacity }) {
  const measured = capacity === undefined ? '' : ` (${settings.share} % of the ${capacity.toFixed(0)} that were measured)`;
  return [
    `${settings.minutes} minutes at ${rate} messages a second${measured}`,
    `${database.product} ${database.version}`,
    `Node ${system.node}`,
    `Posthorn ${system.posthorn}${system.commit ? `, commit ${system.commit.slice(0, 12)}` : ''}${system.changed ? ' with changes' : ''}`,
    system.at.slice(0, 10),
  ].join(' · ');
}

/** The series as a table with a line of bars each, as text for a terminal or as Markdown. */
export function table(series, { markdown }) {
  const rows = series.map(({ name, points, growth, allowed, verdict }) => {
    const values = points.map(([, value]) => value).filter(Number.isFinite);
    return [
      name,
      sparkline(points.map(([, value]) => value)),
      digits(Math.min(...values)),
      digits(Math.max(...values)),
      digits(values.at(-1)),
      growth === undefined ? '–' : `${growth > 0 ? '+' : ''}${digits(growth)}`,
      digits(allowed),
      verdict,
    ];
  });
  const header = ['series', 'from 0 to its largest', 'least', 'most', 'last', 'second half', 'allowed', 'verdict'];
  return (markdown ? asMarkdown : asText)(header, rows);
}

/** What the consumers got, as sentences. */
export function deliveries({ acknowledged, consumers, restarts, errors }) {
  const lines = consumers.map(
    ({ name, missing, duplicates, requests, refused }) =>
      `${name}: ${missing} missing, ${duplicates} twice, ${refused} of ${requests} requests refused`,
  );
  const restarted = restarts.map(({ seconds, signal, how }) => `${signal} after ${seconds.toFixed(0)} s (${how})`);
  return [
    `${acknowledged} messages acknowledged, ${errors} requests failed. ${lines.join('; ')}.`,
    ...(restarted.length > 0 ? [`A dispatcher was ended by ${restarted.join(', ')}.`] : []),
  ].join('\n');
}

/** What is not as it should be, as sentences. */
export function failures({ series, consumers }) {
  const growing = series
    .filter(({ verdict }) => verdict === 'grows')
    .map(({ name, growth, allowed }) => `${name} rises by ${digits(growth)} in the second half; ${digits(allowed)} are allowed.`);
  const lost = consumers.filter(({ missing }) => missing > 0).map(({ name, missing }) => `${missing} messages never reached ${name}.`);
  return [...growing, ...lost];
}
