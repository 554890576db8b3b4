import { asMarkdown, asText } from '../bench/draw.mjs';

const digits = (value, places) => (typeof value === 'number' && Number.isFinite(value) ? value.toFixed(places) : '–');
const pair = ({ p50Ms, p99Ms }) => `${digits(p50Ms, 1)} / ${digits(p99Ms, 1)}`;

/** How many times the claim p99 of the small case, measured in turns with it, a case takes. */
export const growth = ({ figures, small }) => figures.claim.p99Ms / small.claim.p99Ms;

/** What is not as it should be, as sentences. */
export function failures({ cases, settings }) {
  const grown = cases
    .filter((one) => !(growth(one) <= settings.most))
    .map(
      (one) => `${one.name}: claiming takes ${digits(growth(one), 2)} times what it takes in the small case; ${settings.most} are allowed.`,
    );
  const lost = cases
    .filter((one) => one.missing > 0)
    .map((one) => `${one.name}: ${one.missing} deliveries of acknowledged messages did not arrive.`);
  return [...grown, ...lost];
}

/** Everything that the results have to say, as text for a terminal or as Markdown. */
export function report({ system, database, settings, small, cases }, { markdown }) {
  const draw = markdown ? asMarkdown : asText;
  return [
    provenance({ system, database, settings }),
    `Times are p50 / p99 in ms. Claim and × are those of the case and of the small case (${small.name}) in the turns between.`,
    draw(
      ['case', 'claim', 'small', '× p50', '× p99', 'settle', 'accept', 'arrival', '/v1/status', 'claims/s', 'delivered/s', 'missing'],
      cases.map(timesRow),
    ),
    'Resident MiB at the beginning and the end of the measurement, and changes that InnoDB had not purged by the end:',
    draw(['case', ...Object.keys(small.memoryMiB.before), 'history list'], [small, ...cases].map(memoryRow)),
  ].join('\n\n');
}

function timesRow(one) {
  const { figures, small } = one;
  return [
    one.name,
    pair(figures.claim),
    pair(small.claim),
    digits(figures.claim.p50Ms / small.claim.p50Ms, 2),
    digits(growth(one), 2),
    pair(figures.settle),
    pair(figures.accept),
    pair(figures.arrival),
    pair(figures.status),
    digits(figures.claim.count / figures.seconds, 0),
    digits(figures.delivered / figures.seconds, 0),
    digits(one.missing, 0),
  ];
}

const memoryRow = ({ name, memoryMiB: { before, after }, historyList }) => [
  name,
  ...Object.keys(before).map((process) => `${digits(before[process], 0)} → ${digits(after[process], 0)}`),
  digits(historyList, 0),
];

/** One line that says what the numbers belong to. */
function provenance({ system, database, settings }) {
  const { machine } = system;
  const commit = system.commit ? `commit ${system.commit.slice(0, 12)}${system.changed ? ' with changes' : ''}` : 'no commit';
  return [
    `${database.product} ${database.version} (${database.from})`,
    `buffer pool ${Math.round(Number(database.settings.innodb_buffer_pool_size) / 2 ** 20)} MiB`,
    `Node ${system.node}`,
    `${machine.cpus} × ${machine.model}, ${machine.memoryGiB} GiB, ${machine.system}`,
    `Posthorn ${system.posthorn}, ${commit}`,
    `${settings.rate} messages a second for 2 consumers each, ${settings.seconds} s`,
    system.at.slice(0, 10),
  ].join(' · ');
}
