import { asMarkdown, asText } from './draw.mjs';
import { runsOf } from './verdict.mjs';

const digits = (value, places) => (typeof value === 'number' && Number.isFinite(value) ? value.toFixed(places) : '–');

const cost = [
  ['statements each', (r) => digits(r.database?.statementsPerMessage, 2)],
  ['database ms each', (r) => digits(r.database?.msPerMessage, 2)],
];
const check = [['check', (_, runs) => checked(runs)]];
const acks = [
  ['ack p50 ms', (r) => digits(r.ackP50Ms, 1)],
  ['ack p99 ms', (r) => digits(r.ackP99Ms, 1)],
];
const columns = {
  throughput: [
    ['accepted/s', (r) => digits(r.acceptedPerSecond, 0)],
    ['delivered/s', (r) => digits(r.deliveredPerSecond, 0)],
    ['backlog', (r) => digits(r.backlog, 0)],
    ['drain s', (r) => digits(r.drainSeconds, 1)],
    ...acks,
    ...cost,
    ...check,
  ],
  latency: [
    ['messages/s', (r) => digits(r.acceptedPerSecond, 0)],
    ...acks,
    ['arrival p50 ms', (r) => digits(r.arrivalP50Ms, 1)],
    ['arrival p99 ms', (r) => digits(r.arrivalP99Ms, 1)],
    ...cost,
    ...check,
  ],
};
const titles = { throughput: 'Throughput, connections that are always busy', latency: 'Latency at a fixed rate' };

/** `ok`, or what is not as it should be in any of the runs. */
function checked(runs) {
  const total = (name) => runs.reduce((sum, run) => sum + (run[name] ?? 0), 0);
  const wrong = ['missing', 'left', 'duplicates', 'errors'].filter((name) => total(name) > 0);
  return wrong.length === 0 ? 'ok' : wrong.map((name) => `${total(name)} ${name}`).join(', ');
}

/** What one measurement says, in a line. */
export function headline({ kind }, figures) {
  const names = {
    throughput: ['accepted/s', 'delivered/s', 'backlog', 'drain s'],
    latency: ['ack p99 ms', 'arrival p50 ms', 'arrival p99 ms'],
  }[kind];
  return columns[kind]
    .filter(([name]) => names.includes(name))
    .map(([name, cell]) => `${name} ${cell(figures)}`)
    .join(' · ');
}

/** Everything that `results` have to say, as text for a terminal or as Markdown. */
export function report(results, { markdown }) {
  const draw = markdown ? asMarkdown : asText;
  const parts = partsOf(results, draw);
  return [provenance(results), ...parts, notes(results)].filter(Boolean).join('\n\n');
}

function partsOf({ cases, neighbours, comparisons }, draw) {
  if (cases) return sweepTables(cases, draw);
  return comparisons ? comparisonTables(comparisons, draw) : neighbourTables(neighbours, draw);
}

const compared = {
  throughput: [
    ['accepted/s', 'acceptedPerSecond', 0],
    ['delivered/s', 'deliveredPerSecond', 0],
  ],
  latency: [
    ['arrival p50 ms', 'arrivalP50Ms', 1],
    ['arrival p99 ms', 'arrivalP99Ms', 1],
  ],
};

/** Posthorn beside the bare loop: medians, and the first divided by the second. */
function comparisonTables(comparisons, draw) {
  const kinds = Object.keys(compared).filter((kind) => comparisons.some((one) => one.kind === kind));
  const tables = kinds.map((kind) => {
    const figures = compared[kind];
    const header = ['case', ...figures.flatMap(([name]) => [`${name}, bare loop`, 'Posthorn', 'ratio']), 'check'];
    const rows = comparisons
      .filter((one) => one.kind === kind)
      .map(({ shape, bare, posthorn, ratios }) => [
        shape,
        ...figures.flatMap(([, name, places]) => [
          digits(bare.median[name], places),
          digits(posthorn.median[name], places),
          digits(ratios[name], 2),
        ]),
        checked([...bare.runs, ...posthorn.runs]),
      ]);
    return `${titles[kind]}:\n\n${draw(header, rows)}`;
  });
  const used = comparisons.flatMap(({ kind, shape, bare, posthorn }) => [
    [`bare loop: ${kind}, ${shape}`, bare.median],
    [`Posthorn: ${kind}, ${shape}`, posthorn.median],
  ]);
  return [...tables, usageTable(used, draw)];
}

function sweepTables(cases, draw) {
  const kinds = Object.keys(columns).filter((kind) => cases.some((one) => one.kind === kind));
  const tables = kinds.map((kind) => {
    const rows = cases
      .filter((one) => one.kind === kind)
      .map(({ shape, median, runs }) => [shape, ...columns[kind].map(([, cell]) => cell(median, runs))]);
    return `${titles[kind]}:\n\n${draw(...withoutEmpty(['case', ...columns[kind].map(([name]) => name)], rows))}`;
  });
  const used = cases.map(({ kind, shape, median }) => [`${kind}, ${shape}`, median]);
  return [...tables, usageTable(used, draw)];
}

/** A broker of somebody else has no figures of its database. */
function withoutEmpty(header, rows) {
  const keep = (_, column) => rows.some((row) => row[column] !== '–');
  return [header.filter(keep), rows.map((row) => row.filter(keep))];
}

function neighbourTables({ without, with: beside, ratioP50, ratioP99, goal }, draw) {
  const sides = [
    ['without sick neighbours', without],
    ['with sick neighbours', beside],
  ];
  const row = ([name, { median, runs }]) => [
    name,
    digits(median.deliveredPerSecond, 0),
    digits(median.arrivalP50Ms, 1),
    digits(median.arrivalP99Ms, 1),
    runs.map((run) => digits(run.arrivalP99Ms, 1)).join(', '),
    checked(runs),
  ];
  const header = ['', 'delivered/s', 'arrival p50 ms', 'arrival p99 ms', 'p99 of each round', 'check'];
  const ratio = ['ratio', '', digits(ratioP50, 2), digits(ratioP99, 2), '', ''];
  const verdict = `The p99 of the healthy consumers is ${digits(ratioP99, 2)} times what it is without sick neighbours; the goal is at most ${goal}.`;
  const { waiting, attempted } = beside.median.others;
  const proof = `At the end of a round ${digits(waiting, 0)} deliveries of slow neighbours were waiting or in flight; ${digits(attempted, 0)} attempts at the other had been refused.`;
  const used = sides.map(([name, { median }]) => [name, median]);
  return [draw(header, [...sides.map(row), ratio]), verdict, proof, usageTable(used, draw)];
}

function usageTable(used, draw) {
  const names = [...new Set(used.flatMap(([, { cpuSeconds }]) => Object.keys(cpuSeconds)))];
  const rows = used.map(([name, median]) => [
    name,
    digits(median.acknowledged, 0),
    ...names.map((process) => cpuAndMemory(median, process)),
  ]);
  return `CPU seconds for all these messages · peak resident MiB:\n\n${draw(['', 'messages', ...names], rows)}`;
}

function cpuAndMemory({ cpuSeconds, peaksMiB }, name) {
  const memory = peaksMiB[name];
  return digits(cpuSeconds[name], 1) + (memory === undefined ? '' : ` · ${digits(memory, 0)}`);
}

/** One line that says what the numbers belong to. */
function provenance({ system, database, settings }) {
  const { machine } = system;
  const commit = system.commit ? `commit ${system.commit.slice(0, 12)}${system.changed ? ' with changes' : ''}` : 'no commit';
  return [
    ...(database ? [`${database.product} ${database.version} (${database.from})`] : [`target ${settings.target.url}`]),
    `Node ${system.node}`,
    `${machine.cpus} × ${machine.model}, ${machine.memoryGiB} GiB, ${machine.system}`,
    ...(database ? [`Posthorn ${system.posthorn}, ${commit}`] : []),
    settings.runs > 1 ? `median of ${settings.runs}` : 'one run',
    system.at.slice(0, 10),
  ].join(' · ');
}

const muchElsewhere = 0.1;

/** What a reader of the figures must know. */
function notes(results) {
  const runs = runsOf(results);
  const sources = [...new Set(runs.flatMap((run) => run.database?.source ?? []))];
  const elsewhere = Math.max(...runs.map((run) => run.elsewhere));
  // A database that is not a process of this machine, or is in a container, is among the others.
  const known = results.settings.target || runs.every((run) => run.cpuSeconds.database !== undefined);
  return [
    ...(sources.length > 0 ? [`Statements and their time: ${sources.join('; ')}.`] : []),
    ...(known && elsewhere > muchElsewhere
      ? [`The machine was not quiet: in one run other programs took ${digits(elsewhere * 100, 0)} % of it.`]
      : []),
  ].join('\n\n');
}
