import { type Id, firstIdAt, type NextStep, pullToken } from '@app/domain';
import { randomBytes } from 'node:crypto';
import {
  accept,
  acceptWhole,
  activeLanes,
  Audiences,
  channelBacklogs,
  claim,
  countDeadLetters,
  countJobs,
  type Claimed,
  claimProbe,
  type ConsumerChange,
  discard,
  dueJobs,
  dueLanes,
  dueProbes,
  endResume,
  extendLeases,
  fanOut,
  findBehind,
  findJob,
  findPullConsumer,
  giveBack,
  type LaneWish,
  lease,
  maxBacklogs,
  listJobs,
  loadTargets,
  loosen,
  type NewMessage,
  Node,
  previewReplay,
  promote,
  pruneJobs,
  redrive,
  RetrySweep,
  publishedStates,
  release,
  scheduledBacklog,
  scheduledBacklogs,
  releaseProbe,
  searchDeadLetters,
  searchDeliveries,
  searchMessages,
  settle,
  type Settlement,
  settleLeases,
  stepJob,
  sweepChannels,
  sweepOrphans,
  untilNextJob,
  unblock,
  untilNextRetry,
  untilNextScheduled,
  deliveriesOf,
  findDelivered,
  findMessage,
  findRepeats,
  listAttempts,
  listAudit,
  pruneAudit,
  waitsOf,
} from '@app/storage';
import { freshDatabase, type TestDatabase } from './support/database.js';
import { explainAll, flaws } from './support/explain.js';
import { newMessage } from './support/rows.js';

const CONSUMERS = 20;
/** Of these, the last ones pull. */
const PULL = [18, 19, 20];
/** Of these, the ones that get the messages of a key in order; those of the second list did once. */
const ORDERED = [14, 15, 20];
const LOOSE = [16];
const DIGITS =
  '(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)';
const NUMBERS = `(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n FROM ${DIGITS} a, ${DIGITS} b, ${DIGITS} c, ${DIGITS} e, ${DIGITS} f) numbers`;

/** `rows` rows in every table, all older than what the test itself makes. */
async function fill({ database }: TestDatabase, rows: number): Promise<void> {
  await database.query(`INSERT INTO channel (id, name) VALUES (1, 'a'), (2, 'b')`);
  await database.query(
    `INSERT INTO consumer (id, channel_id, name, type, url, signing_secret)
     SELECT n + 1, 1, CONCAT('c', n), IF(n + 1 IN (${PULL.join(', ')}), 'pull', 'push'), 'http://127.0.0.1/', '' FROM ${NUMBERS} WHERE n < ${CONSUMERS}`,
  );
  await database.query(`UPDATE consumer SET ordering = 'key' WHERE id IN (${ORDERED.join(', ')})`);
  const base = firstIdAt(Date.now() - 3_600_000);
  const from = `FROM ${NUMBERS} WHERE n < ${rows}`;
  const consumer = `n MOD ${CONSUMERS} + 1`;
  const other = `(n + 1) MOD ${CONSUMERS} + 1`;
  await database.query(`INSERT INTO message (id, channel_id, status, priority, size, payload) SELECT ${base} + n, 1, 2, 0, 1, 'x' ${from}`);
  await database.query(`INSERT INTO delivery (message_id, consumer_id, status) SELECT ${base} + n, ${consumer}, 1 ${from}`);
  await database.query(`INSERT INTO delivery (message_id, consumer_id, status) SELECT ${base} + n, ${other}, 6 ${from}`);
  await database.query(
    `INSERT INTO attempt (message_id, consumer_id, number, started_at, duration_ms) SELECT ${base} + n, ${consumer}, 900, NOW(3), 1 ${from}`,
  );
  await database.query(
    `INSERT INTO ready (consumer_id, prio_rank, seq, message_id) SELECT ${consumer}, 9, ${base} + n, ${base} + n ${from}`,
  );
  await database.query(
    `INSERT INTO retry (due_at, message_id, consumer_id, prio_rank, attempts) SELECT NOW(3) - INTERVAL 1 HOUR + INTERVAL n SECOND, ${base} + n + 200000, ${consumer}, 9, 1 ${from}`,
  );
  await database.query(`INSERT INTO dead_letter (consumer_id, message_id, reason) SELECT ${other}, ${base} + n, 'gone' ${from}`);
  await database.query(
    `INSERT INTO idempotency (channel_id, key_hash, message_id, body_hash) SELECT 1, LEFT(UNHEX(SHA2(n, 256)), 16), ${base} + n, LEFT(UNHEX(SHA2(n, 256)), 16) ${from}`,
  );
  await database.query(
    `INSERT INTO fanout (message_id, channel_id, prio_rank, last_consumer_id) SELECT ${base} + n + 500000, 1, 9, 20 ${from}`,
  );
  // Half of the keys have one that waits, and one key has as many as there are keys.
  await database.query(
    `INSERT INTO key_head (consumer_id, key_hash, head_seq, last_seq) SELECT ${consumer}, n + 1, 10, 10 + n MOD 2 ${from}`,
  );
  await database.query(
    `INSERT INTO key_waiting (consumer_id, key_hash, seq, message_id, prio_rank) SELECT ${consumer}, n + 1, 11, ${base} + n + 600000, 9 ${from} AND n MOD 2 = 1`,
  );
  await database.query(`INSERT INTO key_head (consumer_id, key_hash, head_seq, last_seq) VALUES (${ORDERED[0]}, 0, 10, 10 + ${rows})`);
  await database.query(
    `INSERT INTO key_waiting (consumer_id, key_hash, seq, message_id, prio_rank) SELECT ${ORDERED[0]}, 0, 11 + n, ${base} + n + 600000, 9 ${from}`,
  );
  await database.query(
    `INSERT INTO fanout_waiting (key_hash, seq, message_id, channel_id, prio_rank, last_consumer_id) SELECT n, 11, ${base} + n + 700000, 1, 9, 20 ${from}`,
  );
  await database.query(
    `INSERT INTO key_blocked (consumer_id, message_id, key_hash, key_seq) SELECT ${other}, ${base} + n, n + 1, 10 ${from}`,
  );
  await database.query(
    `INSERT INTO audit (id, at, key_id, key_name, method, route, resource, fields, status, request_id, address)
     SELECT ${base} + n, NOW(3), CONCAT('k', ${consumer}), 'k', 'PUT', '/v1/channels/:channel', CONCAT('/v1/channels/', n MOD 7), '[]', 200, 'r', '127.0.0.1' ${from}`,
  );
  const scheduled = `${base} + n + 700000`;
  await database.query(
    `INSERT INTO message (id, channel_id, status, priority, size, payload, deliver_at)
     SELECT ${scheduled}, 1, 3, 0, 1, 'x', NOW(3) - INTERVAL 1 HOUR + INTERVAL n SECOND ${from}`,
  );
  await database.query(
    'INSERT INTO scheduled (due_at, message_id, channel_id) SELECT deliver_at, id, channel_id FROM message WHERE status = 3',
  );
  const tables = [
    'message',
    'scheduled',
    'delivery',
    'attempt',
    'ready',
    'retry',
    'dead_letter',
    'idempotency',
    'fanout',
    'key_head',
    'key_waiting',
    'key_blocked',
    'fanout_waiting',
    'consumer',
    'channel',
    'audit',
  ];
  for (const table of tables) {
    await database.query(`ANALYZE TABLE ${table}`);
  }
}

const wish = (consumerId: number): LaneWish => ({ consumerId, limit: 3, leaseMs: 30_000 });

async function everyHotStatement(test: TestDatabase, node: Node): Promise<void> {
  const { database } = test;
  const mint = (): Id => node.mint();
  const message = (channelId: number): NewMessage =>
    newMessage(node, channelId, { idempotency: { keyHash: Buffer.from(mint().padStart(16).slice(-16)), bodyHash: Buffer.alloc(16) } });
  const accepted = await accept(database, [message(1), message(1), message(2)], 100);
  await accept(database, [message(1)], 1);
  const audiences = new Audiences();
  for (let n = 0; n < 2; n++) await accept(database, [message(1), message(2)], 100, audiences);
  const later = newMessage(node, 1, { due: { afterSeconds: 3_600 } });
  await accept(database, [later], 100);
  const whole = await acceptWhole(database, [message(1), newMessage(node, 1, { due: later.due })], 100);
  expect(whole.kind).toBe('accepted');
  await scheduledBacklog(database, 10_000);
  expect(await untilNextScheduled(database)).toBe(0);
  const released = await release(database, mint, { inlineFanout: 100, overdueMs: 1_000 });
  expect([5, 100]).toContain(released.released);
  expect(released.consumerIds).toHaveLength(CONSUMERS);
  await release(database, mint, { inlineFanout: 1 });
  await publishedStates(database, [later.id, mint()]);
  await activeLanes(database);
  const from = [9, 4].map((rank) => ({ rank, seq: firstIdAt(Date.now() - 1_800_000) }));
  await claim(database, [{ ...wish(10), from }, wish(11)], mint());
  await claim(
    database,
    [
      { ...wish(14), oldestFirst: true },
      { ...wish(15), from, oldestFirst: true },
    ],
    mint(),
  );
  for (const consumerId of [16, 999]) await endResume(database, consumerId, 1);
  await findBehind(database, [
    { consumerId: 12, from },
    { consumerId: 13, from },
  ]);
  const consumerIds = Array.from({ length: CONSUMERS }, (_, n) => n + 1);
  await waitsOf(database, consumerIds);
  await maxBacklogs(database, [1, 2]);
  const backlogs = await channelBacklogs(
    database,
    new Map([
      [1, 1_000_000],
      [2, 10],
    ]),
  );
  expect(backlogs.get(1)).toBeGreaterThan(0);
  expect((await scheduledBacklogs(database, new Map([[1, 1_000_000]]))).get(1)).toBeGreaterThan(0);
  expect(await findRepeats(database, [message(1)])).toEqual(new Set());
  const named = Array.from({ length: 20 }, () => newMessage(node, 1));
  await accept(database, named, 100);
  const many = await claim(
    database,
    [6, 7].map((consumerId) => ({ ...wish(consumerId), limit: 20 })),
    mint(),
  );
  expect(many.claimed).toHaveLength(40);
  const delivered = {
    step: { to: 'delivered' },
    startedAtMs: Date.now(),
    durationMs: 1,
    httpCode: 200,
    errorClass: null,
    responseBody: null,
  } as const;
  expect(
    await settle(
      database,
      many.claimed.map((one) => ({ claim: one, ...delivered })),
      node,
    ),
  ).toEqual({ fenced: [] });
  const { claimed } = await claim(database, [wish(3), wish(4)], mint());
  await loadTargets(database, [3, 4]);
  const back = claimed.splice(0, 1);
  await giveBack(database, back);
  await settle(
    database,
    claimed.map((claim_, n) => ({
      claim: claim_,
      startedAtMs: Date.now(),
      durationMs: 1,
      httpCode: 200,
      errorClass: null,
      responseBody: null,
      step:
        n === 0
          ? { to: 'retry', delayMs: 1000, errorClass: 'timeout' }
          : n === 1
            ? { to: 'delivered' }
            : { to: 'dead', reason: 'gone', errorClass: 'gone', disableConsumer: true },
    })),
    node,
  );
  await promote(database, mint);
  await untilNextRetry(database);
  await fanOut(database);
  await fanOut(database, 1_000);
  await redrive(database, 2, {}, mint);
  await redrive(database, 2, { from: new Date(0), to: new Date(), reason: 'gone', type: 'order.*' }, mint);
  await countDeadLetters(database, 2, { errorClass: 'timeout' });
  await discard(database, 5, {});
  const page = { limit: 50, before: firstIdAt(Date.now()) };
  await everySearch(test);
  const { id } = accepted[0] as { id: Id };
  await findMessage(database, 1, id);
  await deliveriesOf(database, id, { limit: 100 });
  await listAttempts(database, id, 1, { limit: 100 });
  await findDelivered(database, id);
  await sweepOrphans(database);
  await everyStatementOfJobs(test, mint);
  const times = { from: new Date(Date.now() - 7_200_000), to: new Date() };
  await listAudit(database, {}, { limit: 50 });
  await listAudit(database, { ...times, method: 'PUT', resource: '/v1/channels/3' }, page);
  await listAudit(database, { ...times, keyId: 'k3' }, page);
  await pruneAudit(database, new Date(Date.now() - 3_599_999));
}

/** Jobs of each kind, with every condition, and the sweeping of what was removed. */
async function everyStatementOfJobs({ database }: TestDatabase, mint: () => Id): Promise<void> {
  const dead = JSON.stringify({ reason: 'gone', errorClass: 'gone', type: 'a' });
  const made = (kind: string, consumerId: number, settings = '{}'): unknown[] => [
    mint(),
    kind,
    'request',
    1,
    consumerId,
    'a',
    'c',
    settings,
    firstIdAt(Date.now()),
  ];
  const jobs = [made('redrive', 2), made('redrive', 3, dead), made('discard', 6, dead), made('replay', 7), made('replay', 8)];
  await database.query(
    'INSERT INTO job (id, kind, cause, channel_id, consumer_id, channel_name, consumer_name, settings, end_id) VALUES ?',
    [jobs],
  );
  await database.query(`UPDATE job SET cause = 'auto-redrive' WHERE id = ?`, [jobs[1]![0]]);
  await database.query(`UPDATE consumer SET filter = '{"body": {"a": [1]}}' WHERE id = 8`);
  expect((await dueJobs(database, 20)).length).toBeGreaterThanOrEqual(jobs.length);
  await untilNextJob(database);
  const steps = [];
  for (const [id] of jobs) steps.push(await stepJob(database, String(id), { mint, aheadRows: 1_000_000 }));
  expect(steps.every((step) => step !== undefined)).toBe(true);
  await previewReplay(
    database,
    { channelId: 1, consumerId: 9, channel: 'a', consumer: 'c' },
    { after: '0', last: firstIdAt(Date.now()) },
    {},
  );
  await countDeadLetters(database, 6, { errorClass: 'gone', type: 'a' });
  await countJobs(database);
  await pruneJobs(database, new Date(0));
  await listJobs(database, { channel: 'a', consumer: 'c', state: 'done' }, { limit: 50, before: mint() });
  await listJobs(database, {}, { limit: 50 });
  await findJob(database, String(jobs[0]![0]));
  await database.query('INSERT INTO removed_consumer (id) VALUES (100000), (100001)');
  await database.query('INSERT INTO removed_channel (id) VALUES (100000)');
  await new RetrySweep(database).step();
  await sweepChannels(database);
}

/** Every way in which lists look for their rows, from the middle of them. */
async function everySearch({ database }: TestDatabase): Promise<void> {
  const page = { limit: 50, after: { messageId: firstIdAt(Date.now()), consumerId: 6 } };
  const bounds = { rows: 2_000, ms: 1_000 };
  const times = { from: new Date(Date.now() - 7_200_000), to: new Date() };
  for (const filter of [{}, { ...times, type: 'order.*', status: 'out-for-delivery', producerId: 1, orderingKey: 'k' } as const])
    await searchMessages(database, 1, filter, page, bounds);
  for (const whose of [{ consumerId: 6 }, { channelId: 1 }]) {
    for (const filter of [{}, times, { type: 'order.*' }, { errorClass: 'timeout' } as const, { type: 'order.paid', ...times }])
      await searchDeliveries(database, whose, filter, page, bounds);
    for (const status of ['queued', 'in-flight', 'retry-delivery', 'retry-in-flight', 'delivered', 'dead'] as const)
      await searchDeliveries(database, whose, { status }, page, bounds);
  }
  for (const filter of [{}, { reason: 'gone', errorClass: 'timeout', type: 'order.*', ...times } as const])
    await searchDeadLetters(database, 6, filter, page, bounds);
}

/** Everything that the order of a key causes: heads and followers, outcomes that let the next one go or hold it, redrives, discards, a change of mind. */
async function everyOrderedStatement({ database }: TestDatabase, node: Node): Promise<void> {
  const [consumerId] = ORDERED;
  const mint = (): Id => node.mint();
  const keyed = (key: string): NewMessage => newMessage(node, 1, { orderingKey: key, priority: 8 });
  const keys = ['a', 'a', 'b', 'c', 'd', 'a'];
  const audiences = new Audiences();
  for (let n = 0; n < 2; n++) await accept(database, keys.map(keyed), 100, audiences);
  await accept(database, keys.map(keyed), 1);
  // Behind those that wait for their fan-out.
  for (let n = 0; n < 2; n++) await accept(database, keys.map(keyed), 100, audiences);
  const twoHoursAgo = { at: new Date(Date.now() - 7_200_000) };
  await accept(
    database,
    keys.map((key) => ({ ...keyed(key), due: twoHoursAgo })),
    100,
  );
  await release(database, mint, { inlineFanout: 100 });
  const { claimed } = await claim(database, [{ consumerId: consumerId!, limit: 4, leaseMs: 30_000 }], mint());
  expect(claimed.map(({ key }) => key !== undefined)).toEqual([true, true, true, true]);
  const steps: NextStep[] = [
    { to: 'delivered' },
    { to: 'delivered' },
    { to: 'retry', delayMs: 0, errorClass: 'timeout' },
    { to: 'dead', reason: 'gone', errorClass: 'gone', disableConsumer: false },
  ];
  const outcome = { startedAtMs: Date.now(), durationMs: 1, httpCode: 200, errorClass: null, responseBody: null };
  const batch = claimed.map((one, n) => ({ claim: one, step: steps[n]!, ...outcome }));
  expect(await settle(database, batch, node)).toEqual({ fenced: [] });
  for (let n = 0; n < 2; n++) await fanOut(database);
  const messageIds = [claimed[3]!.messageId];
  await redrive(database, consumerId!, { messageIds }, mint);
  await discard(database, ORDERED[1]!, {});
  await redrive(database, ORDERED[1]!, {}, mint);
  await waitsOf(database, [...ORDERED, ...LOOSE]);
  await unblock(database);
  await loosen(database);
}

/** Everything that a pull consumer causes: rows that are free, leases that ran out, used-up attempts, a message that is gone. */
async function everyPullStatement({ database }: TestDatabase, node: Node): Promise<void> {
  const [consumerId] = PULL;
  const messages = Array.from({ length: 8 }, () => newMessage(node, 1, { priority: 9 }));
  await accept(database, messages, 100);
  const overdue = 'UPDATE ready SET lease_token = ?, attempts = ? WHERE consumer_id = ? AND prio_rank = 0 AND seq = ?';
  for (const [n, attempts] of [1, 99].entries()) {
    await database.query(overdue, [pullToken(randomBytes(8)), attempts, consumerId, messages[n]!.id]);
  }
  await database.query('DELETE FROM message WHERE id = ?', [messages[2]!.id]);

  await findPullConsumer(database, 'a', 'c17');
  expect(await dueLanes(database, PULL)).toContain(consumerId);
  const wishes = [3, 4].map((max) => ({ max, leaseMs: 60_000 }));
  const { leased, ended } = await lease(database, consumerId!, wishes, 1_000_000, () => node.mint());
  expect([leased.flat().length, ended.length]).toEqual([5, 3]);
  await lease(database, PULL[1]!, wishes, 1_000_000, () => node.mint(), true);
  const leases = leased.flat().map(({ claim: { attemptsBefore: _before, ...key } }) => key);
  await extendLeases(
    database,
    leases.map((one) => ({ lease: one, leaseMs: 1_000 })),
  );
  const kinds = ['ack', 'nack', 'dead'] as const;
  const verdicts = leases.map((one, n) => ({ lease: one, end: { kind: kinds[n % 3]! }, reason: null }));
  expect((await settleLeases(database, verdicts, node)).map(({ kind }) => kind)).toEqual(leases.map(() => 'settled'));
  expect((await settleLeases(database, verdicts, node)).map(({ kind }) => kind)).toEqual(leases.map(() => 'repeated'));
}

/** Consumers that fail, recover, and are probed, with a subscriber of posthorn.events. */
async function everyHealthStatement({ database }: TestDatabase, node: Node): Promise<void> {
  await database.query(
    `INSERT INTO consumer (channel_id, name, type, url, signing_secret) VALUES (0, 'events', 'push', 'http://127.0.0.1/', '')`,
  );
  await database.query(`UPDATE consumer SET auto_redrive = '{"withinSeconds": 60}' WHERE id = 15`);
  await accept(
    database,
    [1, 1, 1].map((channelId) => newMessage(node, channelId, { priority: 9 })),
    100,
  );
  const outcome = (one: Claimed, step: NextStep, changes: ConsumerChange[]): Settlement => ({
    claim: one,
    step,
    changes,
    startedAtMs: Date.now(),
    durationMs: 1,
    httpCode: 500,
    errorClass: 'http-status',
    responseBody: null,
  });
  const { claimed } = await claim(database, [{ consumerId: 15, limit: 2, leaseMs: 30_000 }], node.mint());
  const dead = { to: 'dead', reason: 'gone', errorClass: 'gone', disableConsumer: false } as const;
  await settle(
    database,
    [
      outcome(claimed[0]!, { to: 'retry', delayMs: 0, errorClass: 'http-status' }, [
        { kind: 'breaker-opens', epoch: 0, reason: 'errors', openMs: 0 },
        { kind: 'failing', sinceMs: 1_000, failures: 1, due: 'warning', forSeconds: 1_800, disableAfterSeconds: 3_600 },
        { kind: 'failing', sinceMs: 1_000, failures: 1, due: 'disabling', forSeconds: 3_600, disableAfterSeconds: 3_600 },
      ]),
      outcome(claimed[1]!, dead, []),
    ],
    node,
  );
  expect(await dueProbes(database, 10)).toEqual([15]);
  const probed = (await claimProbe(database, 15, 30_000, node.mint()))!;
  await releaseProbe(database, probed.probe);
  const again = (await claimProbe(database, 15, 30_000, node.mint()))!;
  const { token, openedAt } = again.probe;
  await settle(
    database,
    [
      outcome(again.claimed[0]!, { to: 'delivered' }, [
        { kind: 'probe-ends', token, step: { to: 'closed' }, openedAt },
        { kind: 'recovered' },
      ]),
    ],
    node,
  );
  const [row] = await database.query<{ n: string }[]>('SELECT COUNT(*) AS n FROM message WHERE channel_id = 0');
  expect(row!.n).toBe('3');
}

describe.each([5, 400, 100_000])('with %i rows in every table', (rows) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await freshDatabase();
    await fill(test, rows);
  }, 120_000);
  afterAll(() => test.drop());

  it('every hot statement reaches its rows through an index, in its order', async () => {
    const node = await Node.join(test.database, 'dispatcher');
    const { plans, stop } = explainAll(test.database);
    await everyHotStatement(test, node);
    await everyOrderedStatement(test, node);
    await everyPullStatement(test, node);
    await everyHealthStatement(test, node);
    stop();
    expect(plans.length).toBeGreaterThan(40);
    expect(plans.flatMap(flaws)).toEqual([]);
  });

  it('a second worker gets rows while the first holds its own', async () => {
    await test.database.transaction('first', async (first) => {
      const lock =
        'SELECT seq FROM ready FORCE INDEX (PRIMARY) WHERE consumer_id = 7 AND lease_until <= NOW(3) ORDER BY consumer_id, prio_rank, seq LIMIT 1 FOR UPDATE SKIP LOCKED';
      await test.database.query(
        `INSERT INTO ready (consumer_id, prio_rank, seq, message_id) VALUES (7, 9, 18000000000000000000, 1), (7, 9, 18000000000000000001, 2)`,
      );
      const [mine] = await first.query<{ seq: Id }[]>(lock);
      const [theirs] = await test.database.transaction('second', (second) => second.query<{ seq: Id }[]>(lock));
      expect(theirs?.seq).toBeDefined();
      expect(theirs!.seq).not.toBe(mine!.seq);
    });
  });

  it('a foreign row that is locked is neither waited for nor touched by a settle or a promotion', async () => {
    const node = await Node.join(test.database, 'dispatcher');
    const { database } = test;
    // One, whose key travels in a list, and as many as are named.
    const fresh = Array.from({ length: 40 }, () => newMessage(node, 1));
    await accept(database, fresh, 100);
    const [dead] = (await claim(database, [{ consumerId: 8, limit: 1, leaseMs: 30_000 }], node.mint())).claimed;
    await database.transaction('foreign', async (foreign) => {
      await foreign.query('SELECT 1 FROM ready WHERE consumer_id = 8 FOR UPDATE');
      await foreign.query('SELECT 1 FROM delivery WHERE message_id = ? AND consumer_id <> 9 FOR UPDATE', [fresh[0]!.id]);
      await foreign.query('SELECT 1 FROM retry ORDER BY due_at LIMIT 1 FOR UPDATE');
      const before = performance.now();
      const { claimed: few } = await claim(database, [{ consumerId: 9, limit: 1, leaseMs: 30_000 }], node.mint());
      const { claimed: many } = await claim(database, [{ consumerId: 9, limit: 39, leaseMs: 30_000 }], node.mint());
      expect([few.length, many.length]).toEqual([1, 39]);
      for (const claimed of [few, many])
        await settle(
          database,
          claimed.map((one) => ({
            claim: one,
            step: { to: 'delivered' },
            startedAtMs: 0,
            durationMs: 0,
            httpCode: 200,
            errorClass: null,
            responseBody: null,
          })),
          node,
        );
      await promote(database, () => node.mint());
      expect(performance.now() - before).toBeLessThan(4_000);
      expect(dead === undefined || dead.token !== '0').toBe(true);
    });
  });
});
