import { randomOf } from './random.mjs';

const [ingest, dispatcher, scheduler] = ['ingest-api', 'dispatcher', 'failsafe-scheduler'];

/** What a consumer can do wrong. */
export const misbehaviours = ['hang', 'drip', 'reset', 'answer 500', 'answer 503', 'answer 404', 'be slow', 'refuse'];

const times = (count, card) => Array.from({ length: count }, () => card);

/** Each card is a fault; they are dealt in a random order, and each about as often as any other. */
const deck = [
  ...times(2, { kind: 'kill', app: ingest }),
  ...times(3, { kind: 'kill', app: dispatcher }),
  { kind: 'kill', app: scheduler },
  ...[ingest, dispatcher].map((app) => ({ kind: 'stop', app })),
  { kind: 'freeze', app: ingest },
  ...times(2, { kind: 'freeze', app: dispatcher }),
  { kind: 'freeze', app: scheduler },
  ...['cut before commit', 'cut after commit'].flatMap((kind) => [
    ...times(2, { kind, app: ingest }),
    ...times(2, { kind, app: dispatcher }),
    { kind, app: scheduler },
  ]),
  ...[ingest, dispatcher].map((app) => ({ kind: 'cut connections', app })),
  ...[ingest, dispatcher, scheduler].map((app) => ({ kind: 'stall connections', app })),
  ...misbehaviours.map((mode) => ({ kind: `consumers ${mode}`, mode })),
];
const databaseDeck = [
  { kind: 'kill database', database: true },
  { kind: 'freeze database', database: true },
];

/** Every kind of fault that a run can have; without `databaseKills` the last ones are left out. */
export const kinds = [...new Set([...deck, ...databaseDeck].map(({ kind }) => kind))];

/** Between two faults. */
const gapMs = [250, 1750];
/** From the end of a fault to the next one of the same process, consumer or database, so that it lives for a moment. */
const calmMs = { process: 2500, site: 500, database: 6000 };
/** A connection is cut at the next COMMIT; after this long without one, never. */
const armedMs = 4000;

export const processName = (app, number) => `${app}-${number}`;

/**
 * The faults of a run, by time: a pure function of its arguments. Each has `atMs`, `kind`, the name of its `target` (a process such as
 * `dispatcher-2`, a site of consumers, or `database`), and `forMs`: how long it stays down, frozen, armed or bad. No target has two at a time.
 *
 * @param counts how many processes of each app
 * @param sites names of the sites of consumers
 * @param leaseMs how long a claim lasts; most frozen processes are frozen for longer
 */
export function schedule({ seed, durationMs, counts, sites, leaseMs, databaseKills }) {
  const random = randomOf(seed, 'faults');
  const all = databaseKills ? [...deck, ...databaseDeck] : deck;
  const cards = [];
  const busyUntil = new Map();
  const faults = [];
  for (let atMs = random.whole(...gapMs); atMs < durationMs; atMs += random.whole(...gapMs)) {
    // There must always be some whose target is free.
    if (cards.length < all.length / 2) cards.push(...random.shuffled(all));
    const free = (card) => targetsOf(card, counts, sites).filter((target) => atMs >= (busyUntil.get(target) ?? 0));
    const next = cards.findIndex((card) => free(card).length > 0);
    if (next === -1) continue;
    const [card] = cards.splice(next, 1);
    const target = random.pick(free(card));
    const fault = { atMs, kind: card.kind, target, ...detailsOf(card, random, leaseMs) };
    faults.push(fault);
    busyUntil.set(target, atMs + fault.forMs + calmMs[card.database ? 'database' : card.mode ? 'site' : 'process']);
  }
  return faults;
}

function targetsOf({ app, database }, counts, sites) {
  if (database) return ['database'];
  return app ? Array.from({ length: counts[app] }, (_, number) => processName(app, number + 1)) : sites;
}

function detailsOf({ kind, mode }, random, leaseMs) {
  if (mode) return { mode, forMs: random.whole(2000, 6000) };
  switch (kind) {
    case 'kill':
    case 'stop':
      return { forMs: random.whole(0, 2000) };
    case 'freeze':
    case 'stall connections':
      return { forMs: random.chance(0.75) ? leaseMs + random.whole(500, 3000) : random.whole(500, 3000) };
    case 'kill database':
      return { forMs: random.whole(0, 3000) };
    case 'freeze database':
      return { forMs: random.whole(1000, 4000) };
    case 'cut connections':
      return { forMs: 0 };
    default:
      return { count: random.whole(1, 3), forMs: armedMs };
  }
}
