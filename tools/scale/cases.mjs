/** Consumers of a channel that gets messages. */
export const consumersOfChannel = 2;
/** The small case and the other take turns of so many seconds, so that whatever else the machine does hits both. */
const turnSeconds = 10;
const warmUpSeconds = 2;
/** While a snapshot is held the server is not that of the small case, which has its turns before and after. */
const recoverySeconds = 5;
/** What loading and registering are expected to do in a second, for saying how long a run takes. */
const loadedPerSecond = 100_000;
const registeredPerSecond = 150;
const aroundSeconds = 25;

const units = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

export function short(count) {
  const [size, unit] = units.find(([each]) => count >= each && count % (each / 10) === 0) ?? [1, ''];
  return `${count / size} ${unit}`.trim();
}

/**
 * The small case, and those that the options ask for; each of these differs from it in one thing.
 * - `rows`: finished deliveries in the tables
 * - `backlog`: deliveries that wait in one lane
 * - `consumers`, of which `active` get messages
 * - `snapshotSeconds`: for how long a snapshot has been held when the measurement ends
 */
export function planCases({ rows, backlog, consumers, active, snapshotSeconds, seconds, only }) {
  const [fewest, ...more] = rows.toSorted((a, b) => a - b);
  const base = { rows: fewest, backlog: 0, consumers: consumersOfChannel, active: consumersOfChannel, snapshotSeconds: 0, seconds };
  const snapshot = { snapshotSeconds, seconds: Math.min(seconds, snapshotSeconds) };
  const cases = [
    ...more.map((count) => ({ kind: 'rows', name: `${short(count)} deliveries`, ...base, rows: count })),
    { kind: 'backlog', name: `${short(backlog)} waiting in one lane`, ...base, backlog },
    { kind: 'consumers', name: `${short(consumers)} consumers, ${short(active)} active`, ...base, consumers, active },
    { kind: 'snapshot', name: `snapshot held for ${snapshotSeconds} s`, ...base, ...snapshot },
  ];
  const sizes = { rows: 1, backlog, consumers, snapshot: snapshotSeconds };
  return {
    small: { kind: 'small', name: `${short(fewest)} deliveries`, ...base },
    cases: cases.filter(({ kind }) => sizes[kind] > 0 && (only.length === 0 || only.includes(kind))),
  };
}

/** Whose turn it is when: `{side, warmUpSeconds, seconds}`, side `small` or `case`; a snapshot is held during each turn of such a case. */
export function turnsOf({ seconds, snapshotSeconds }) {
  if (snapshotSeconds > 0) {
    const apart = Math.ceil(seconds / 3);
    return [
      { side: 'small', warmUpSeconds, seconds: apart },
      { side: 'case', warmUpSeconds: Math.max(warmUpSeconds, snapshotSeconds - seconds), seconds },
      { side: 'small', warmUpSeconds: recoverySeconds, seconds: apart },
    ];
  }
  const count = Math.ceil(seconds / turnSeconds);
  return Array.from({ length: count }, () => ['small', 'case'].map((side) => ({ side, warmUpSeconds, seconds: seconds / count }))).flat();
}

export const measuringSeconds = (one) => turnsOf(one).reduce((sum, turn) => sum + turn.warmUpSeconds + turn.seconds, 0);

/** What a case is expected to take in all, in seconds. */
export function estimateSeconds(one) {
  // A message and an attempt belong to a delivery, and two deliveries to a message; a ready row and a message to one that waits.
  const loading = (2.5 * one.rows + 3 * one.backlog) / loadedPerSecond;
  return aroundSeconds + loading + one.consumers / registeredPerSecond + measuringSeconds(one);
}
