const digits = (value, places) => (typeof value === 'number' ? value.toFixed(places) : '–');

/** A Markdown table that also reads well in a terminal. */
function table(header, rows) {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(3, ...lines.map((line) => line[column].length)));
  const draw = (line) =>
    `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [draw(header), rule, ...rows.map(draw)].join('\n');
}

const columns = [
  ['accepted/s', (r) => digits(r.acceptedPerSecond, 0)],
  ['delivered/s', (r) => digits(r.deliveredPerSecond, 0)],
  ['backlog', (r) => digits(r.backlog, 0)],
  ['drain s', (r) => digits(r.drainSeconds, 1)],
  ['missing', (r) => digits(r.missing, 0)],
  ['errors', (r) => digits(r.errors, 0)],
  ['ack p50 ms', (r) => digits(r.ackP50Ms, 1)],
  ['ack p99 ms', (r) => digits(r.ackP99Ms, 1)],
  ['arrival p50 ms', (r) => digits(r.arrivalP50Ms, 1)],
  ['arrival p99 ms', (r) => digits(r.arrivalP99Ms, 1)],
];

/** The tables of `results`, as Markdown. */
export function tables({ scenarios }) {
  const main = table(
    ['scenario', ...columns.map(([name]) => name)],
    scenarios.map(({ name, median }) => [name, ...columns.map(([, cell]) => cell(median))]),
  );
  const names = Object.keys(scenarios[0].median.cpuSeconds);
  const usage = table(
    ['scenario', ...names],
    scenarios.map(({ name, median }) => [name, ...names.map((process) => cpuAndMemory(median, process))]),
  );
  return `${main}\n\nCPU seconds while measuring · peak resident MiB:\n\n${usage}`;
}

function cpuAndMemory({ cpuSeconds, peaksMiB }, name) {
  const memory = peaksMiB[name];
  return digits(cpuSeconds[name], 1) + (memory === undefined ? '' : ` · ${digits(memory, 0)}`);
}

/** One line that says what the numbers belong to. */
export function provenance({ system, database, settings }) {
  const { machine } = system;
  const commit = system.commit ? `commit ${system.commit.slice(0, 12)}${system.changed ? ' with changes' : ''}` : 'no commit';
  return [
    `${database.product} ${database.version} (${database.from})`,
    `Node ${system.node}`,
    `${machine.cpus} × ${machine.model}, ${machine.memoryGiB} GiB, ${machine.system}`,
    `Posthorn ${system.posthorn}, ${commit}`,
    `median of ${settings.runs}`,
    system.at.slice(0, 10),
  ].join(' · ');
}
