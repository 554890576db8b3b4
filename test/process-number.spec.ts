import { IdHorizonError, msOf } from '@app/domain';
import { buryNodes, Node } from '@app/storage';
import { Cluster } from './support/cluster.js';
import { freshDatabase, type TestDatabase } from './support/database.js';

/** Longer ago than a node's horizon reaches (60 s) without a heartbeat. */
const LONG_AGO_MS = 70_000;
const numberOf = (id: string): number => Number((BigInt(id) >> 12n) & 1023n);

let test: TestDatabase;
beforeEach(async () => {
  test = await freshDatabase();
});
afterEach(() => test.drop());

const clock = Date.now;
afterEach(() => void (Date.now = clock));

/** Joined `LONG_AGO_MS` ago and silent since: a process that was frozen. Its clock ran on. */
async function joinedLongAgo(): Promise<Node> {
  Date.now = () => clock() - LONG_AGO_MS;
  const frozen = await Node.join(test.database, 'ingest');
  await test.database.query('UPDATE node SET heartbeat_at = NOW(3) - INTERVAL ? SECOND WHERE number = ?', [
    LONG_AGO_MS / 1000,
    frozen.number,
  ]);
  return frozen;
}
const horizonOf = async (number: number): Promise<number> =>
  Number((await test.database.query<{ h: string }[]>('SELECT horizon_ms AS h FROM node WHERE number = ?', [number]))[0]!.h);

it('no two nodes share a number, in one process or in several', async () => {
  const cluster = await Cluster.start({ dispatchers: 2, schedulers: 1 }, { DATABASE_POOL: '4' });
  try {
    const joined = await Promise.all(Array.from({ length: 30 }, () => Node.join(cluster.database, 'ingest')));
    const rows = await cluster.database.query<{ number: number }[]>('SELECT number FROM node WHERE token IS NOT NULL');
    expect(rows).toHaveLength(34);
    expect(new Set(joined.map((node) => node.number)).size).toBe(30);
    const ids = joined.flatMap((node) => Array.from({ length: 200 }, () => node.mint()));
    expect(new Set(ids).size).toBe(ids.length);
  } finally {
    await cluster.stop();
  }
});

it('the next holder of a number mints only above the horizon of the one before, which cannot mint any more when it thaws', async () => {
  const frozen = await joinedLongAgo();
  const { number } = frozen;
  const old = Array.from({ length: 5_000 }, () => frozen.mint());
  const horizonMs = await horizonOf(number);
  Date.now = clock;

  const heir = await Node.join(test.database, 'ingest');
  expect(heir.number).toBe(number);
  const fresh = Array.from({ length: 5_000 }, () => heir.mint());
  expect(new Set(fresh.map(numberOf))).toEqual(new Set([number]));
  expect(Math.max(...old.map(msOf))).toBeLessThan(horizonMs);
  expect(Math.min(...fresh.map(msOf))).toBeGreaterThanOrEqual(horizonMs);

  expect(() => frozen.mint()).toThrow(IdHorizonError);
  expect(await frozen.heartbeat()).toBe('replaced');
  expect(frozen.number).not.toBe(number);
  expect(numberOf(frozen.mint())).toBe(frozen.number);
  expect(await heir.heartbeat()).toBe('kept');
});

it('the next holder begins at the horizon though its own clock is behind', async () => {
  const frozen = await joinedLongAgo();
  const horizonMs = await horizonOf(frozen.number);
  frozen.mint();
  const heir = await Node.join(test.database, 'ingest');
  expect(heir.number).toBe(frozen.number);
  expect(Date.now()).toBeLessThan(horizonMs);
  expect(msOf(heir.mint())).toBe(horizonMs);
});

it('a number rests until its horizon has passed, whether its holder left, died or was struck off', async () => {
  const [left, died, buried] = [
    await Node.join(test.database, 'ingest'),
    await Node.join(test.database, 'ingest'),
    await Node.join(test.database, 'ingest'),
  ];
  const numbers = [left.number, died.number, buried.number];
  await left.leave();
  await test.database.query('UPDATE node SET heartbeat_at = NOW(3) - INTERVAL 20 SECOND WHERE number = ?', [buried.number]);
  expect(await buryNodes(test.database)).toMatchObject([{ number: buried.number, kind: 'ingest' }]);
  await test.database.query('UPDATE node SET heartbeat_at = NOW(3) - INTERVAL 20 SECOND WHERE number = ?', [died.number]);
  expect(numbers).not.toContain((await Node.join(test.database, 'ingest')).number);
});

it('ids rise strictly while the clock stands, goes back and jumps', async () => {
  const node = await Node.join(test.database, 'ingest');
  const start = clock();
  let last = 0n;
  for (let step = 0; step < 20_000; step++) {
    Date.now = () => start + (step % 3 === 0 ? -30_000 : (step % 700) - 300);
    const id = BigInt(node.mint());
    if (id <= last) throw new Error(`${id} after ${last}`);
    last = id;
  }
});

it('a heartbeat moves the horizon only forward, and only after it is stored', async () => {
  const node = await Node.join(test.database, 'ingest');
  const first = await horizonOf(node.number);
  Date.now = () => clock() - 30_000;
  expect(await node.heartbeat()).toBe('kept');
  expect(await horizonOf(node.number)).toBe(first);
  Date.now = () => first + 1_000;
  expect(() => node.mint()).toThrow(IdHorizonError);
  expect(await node.heartbeat()).toBe('kept');
  expect(await horizonOf(node.number)).toBe(first + 61_000);
  expect(msOf(node.mint())).toBe(first + 1_000);
});
