import { type Duty } from '../apps/failsafe-scheduler/src/duties/duty.js';
import { measureBacklog } from '../apps/failsafe-scheduler/src/duties/measure-backlog.js';
import {
  buryDeadNodes,
  fanOutForgotten,
  makePartitionsAhead,
  promoteOverdue,
  type RepairParts,
  sweepDeleted,
  sweepDeletedChannels,
  sweepDeletedRetries,
} from '../apps/failsafe-scheduler/src/duties/repair.js';
import { deliveryStatusCode, messageStatusCode, type NextStep } from '@app/domain';
import { createLog, createRegistry, createSchedulerMetrics, NudgeSender } from '@app/runtime';
import { accept, claim, Node, nudgeAddresses, settle } from '@app/storage';
import { Cluster } from './support/cluster.js';
import { freshDatabase, type TestDatabase } from './support/database.js';
import { eventually, meanwhile } from './support/eventually.js';
import { channelWith, newMessage } from './support/rows.js';
import { metric } from './support/metrics.js';

describe('of two schedulers', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ dispatchers: 0, schedulers: 2, ingest: false }, { DATABASE_POOL: '4' });
  });
  afterAll(() => cluster.stop());

  const leaderRow = async () =>
    (
      await cluster.database.query<{ node: number; epoch: string; held: string }[]>(
        `SELECT n.number AS node, l.epoch, l.expires_at > NOW(3) AS held FROM leader l JOIN node n ON n.token = l.node_id WHERE l.name = 'failsafe'`,
      )
    )[0];
  const gauges = () => Promise.all(cluster.processes.map((one) => metric(one, 'posthorn_leader')));

  it('exactly one leads, and the other one follows at once when the first ends cleanly', async () => {
    await eventually(async () => (await gauges()).includes(1));
    // Over two renewals it stays with one.
    const before = await leaderRow();
    for (let look = 0; look < 11; look++) {
      expect((await gauges()).reduce((sum, one) => sum + one)).toBe(1);
      await meanwhile(500);
    }
    expect(await leaderRow()).toEqual(before);
    expect(Number(before!.held)).toBe(1);

    const [leader, follower] = (await gauges())[0] === 1 ? cluster.processes : cluster.processes.toReversed();
    expect(await leader!.stop()).toBe(0);
    // A follower asks every 5 s; waiting for the lease to run out would take 15.
    await eventually(async () => (await metric(follower!, 'posthorn_leader')) === 1, 8_000);
    const after = await leaderRow();
    expect(after!.node).not.toBe(before!.node);
    expect(Number(after!.epoch)).toBe(Number(before!.epoch) + 1);
    await eventually(async () => (await metric(follower!, 'posthorn_failsafe_runs_total')) >= 6);
  });
});

describe('each duty, with no dispatcher running,', () => {
  const RATIONAL_DELAY_MS = 500;
  let test: TestDatabase;
  let node: Node;
  let parts: RepairParts;

  beforeAll(async () => {
    test = await freshDatabase();
    node = await Node.join(test.database, 'scheduler');
    parts = {
      database: test.database,
      node,
      nudges: new NudgeSender(),
      log: createLog('test', 'fatal'),
      rationalDelayMs: RATIONAL_DELAY_MS,
      inlineFanout: 100,
    };
  });
  afterAll(async () => {
    parts.nudges.close();
    await test.drop();
  });

  const channelOf = (consumers: number) => channelWith(test.database, consumers);
  async function accepted(channelId: number, inlineFanout = 100): Promise<string> {
    const message = newMessage(node, channelId);
    await accept(test.database, [message], inlineFanout);
    return message.id;
  }
  async function attempted(consumerId: number, step: NextStep): Promise<void> {
    const { claimed } = await claim(test.database, [{ consumerId, limit: 1, leaseMs: 30_000 }], node.mint());
    const outcome = { startedAtMs: Date.now(), durationMs: 1, httpCode: 500, errorClass: 'http-status', responseBody: null } as const;
    await settle(test.database, [{ claim: claimed[0]!, step, ...outcome }], node);
  }
  const retryIn = (delayMs: number): NextStep => ({ to: 'retry', delayMs, errorClass: 'http-status' });
  const count = async (sql: string, values: unknown[] = []): Promise<number> =>
    Number((await test.database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM ${sql}`, values))[0]!.n);
  const once = (duty: (of: RepairParts) => Duty): Promise<number> => duty(parts).doOnce();

  it('fans out what is older than the rational delay, and leaves what is younger to the others', async () => {
    const { channelId, consumerIds } = await channelOf(3);
    const id = await accepted(channelId, 2);
    expect(await once(fanOutForgotten)).toBe(0);
    expect(await count('delivery WHERE message_id = ?', [id])).toBe(0);
    const acceptedAt = performance.now();
    await eventually(async () => (await once(fanOutForgotten)) === 3);
    expect(performance.now() - acceptedAt).toBeGreaterThan(RATIONAL_DELAY_MS / 2);
    expect(await count('ready WHERE message_id = ? AND consumer_id IN (?)', [id, consumerIds])).toBe(3);
    expect(await count('message WHERE id = ? AND status = ?', [id, messageStatusCode('out-for-delivery')])).toBe(1);
    expect(await count('fanout')).toBe(0);
    expect(await once(fanOutForgotten)).toBe(0);
  });

  it('promotes retries that have been due for the rational delay, and no others', async () => {
    const { channelId, consumerIds } = await channelOf(1);
    const id = await accepted(channelId);
    await attempted(consumerIds[0]!, retryIn(0));
    const later = await accepted(channelId);
    await attempted(consumerIds[0]!, retryIn(60_000));
    expect(await once(promoteOverdue)).toBe(0);
    await eventually(async () => (await once(promoteOverdue)) === 1);
    expect(await count('ready WHERE message_id = ? AND attempts = 1', [id])).toBe(1);
    expect(await count('retry WHERE message_id = ?', [later])).toBe(1);
    expect(await once(promoteOverdue)).toBe(0);
  });

  it('strikes off the processes that fell silent, so that nobody nudges them', async () => {
    const [silent, alive] = [
      await Node.join(test.database, 'dispatcher', '127.0.0.1:1'),
      await Node.join(test.database, 'dispatcher', '127.0.0.1:2'),
    ];
    await test.database.query('UPDATE node SET heartbeat_at = NOW(3) - INTERVAL 16 SECOND WHERE number = ?', [silent.number]);
    expect(await once(buryDeadNodes)).toBe(1);
    expect(await count('node WHERE number = ? AND token IS NULL AND kind IS NULL AND nudge_addr IS NULL', [silent.number])).toBe(1);
    expect(await nudgeAddresses(test.database, ['dispatcher'])).toEqual(['127.0.0.1:2']);
    expect(await once(buryDeadNodes)).toBe(0);
    // It only seemed dead: it takes part again under another number.
    const number = silent.number;
    expect(await silent.heartbeat()).toBe('replaced');
    expect([number, alive.number]).not.toContain(silent.number);
    expect(await alive.heartbeat()).toBe('kept');
  });

  it('makes the partitions of the week ahead', async () => {
    const partitions = () =>
      count(`information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'message' AND PARTITION_NAME LIKE 'p2%'`);
    const whole = await partitions();
    const last = await test.database.query<{ name: string }[]>(
      `SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'message'
        AND PARTITION_NAME LIKE 'p2%' ORDER BY PARTITION_ORDINAL_POSITION DESC LIMIT 3`,
    );
    const names3 = last.map(({ name }) => name).toReversed();
    await test.database.query(
      `ALTER TABLE message REORGANIZE PARTITION ${names3.join(', ')}, p_future INTO (PARTITION p_future VALUES LESS THAN MAXVALUE)`,
    );
    expect(await partitions()).toBe(whole - 3);
    expect(await once(makePartitionsAhead)).toBe(3);
    expect(await partitions()).toBe(whole);
    expect(await once(makePartitionsAhead)).toBe(0);
  });

  it('sweeps what a deleted consumer left, and nothing of the others', async () => {
    const { channelId, consumerIds } = await channelOf(2);
    const [gone, stays] = consumerIds as [number, number];
    const buried = await accepted(channelId);
    for (const consumerId of consumerIds) {
      await attempted(consumerId, { to: 'dead', reason: 'attempts-exhausted', errorClass: 'http-status', disableConsumer: false });
    }
    const waiting = await accepted(channelId);
    await test.database.query('DELETE FROM consumer WHERE id = ?', [gone]);
    expect(await once(sweepDeleted)).toBe(2);
    const dead = deliveryStatusCode('dead');
    const swept = `delivery WHERE consumer_id = ? AND message_id = ? AND status = ? AND error_class = 'consumer-deleted'`;
    expect(await count(swept, [gone, waiting, dead])).toBe(1);
    expect(await count('ready WHERE consumer_id = ?', [gone])).toBe(0);
    expect(await count('dead_letter WHERE consumer_id = ?', [gone])).toBe(0);
    expect(await count('ready WHERE consumer_id = ? AND message_id = ?', [stays, waiting])).toBe(1);
    expect(await count('dead_letter WHERE consumer_id = ? AND message_id = ?', [stays, buried])).toBe(1);
    expect(await once(sweepDeleted)).toBe(0);
  });

  it('sweeps the retries of a deleted consumer once nothing of it is in flight, and nothing of the others', async () => {
    const { channelId, consumerIds } = await channelOf(2);
    const [gone, stays] = consumerIds as [number, number];
    const failed = await accepted(channelId);
    for (const consumerId of consumerIds) await attempted(consumerId, retryIn(3_600_000));
    const flying = await accepted(channelId);
    const { claimed } = await claim(test.database, [{ consumerId: gone, limit: 1, leaseMs: 30_000 }], node.mint());
    await test.database.query('INSERT INTO removed_consumer (id) VALUES (?)', [gone]);
    await test.database.query('DELETE FROM consumer WHERE id = ?', [gone]);
    const sweeps = [sweepDeleted, sweepDeletedRetries].map((duty) => duty(parts));
    const sweep = async (): Promise<number> => (await sweeps[0]!.doOnce()) + (await sweeps[1]!.doOnce());
    expect(await sweep()).toBe(1);
    expect(await count('retry WHERE consumer_id = ?', [gone])).toBe(0);
    expect(await count('removed_consumer WHERE id = ?', [gone])).toBe(1);
    // What was in flight ends when its attempt is over, and is swept then.
    const outcome = { startedAtMs: Date.now(), durationMs: 1, httpCode: 500, errorClass: 'http-status', responseBody: null } as const;
    await settle(test.database, [{ claim: claimed[0]!, step: retryIn(3_600_000), ...outcome }], node);
    expect(await sweep()).toBe(1);
    expect(await count('removed_consumer')).toBe(0);
    const swept = `delivery WHERE consumer_id = ? AND message_id IN (?) AND status = ? AND error_class = 'consumer-deleted'`;
    expect(await count(swept, [gone, [failed, flying], deliveryStatusCode('dead')])).toBe(2);
    expect(await count('retry WHERE consumer_id = ? AND message_id = ?', [stays, failed])).toBe(1);
    expect(await sweep()).toBe(0);
  });

  it('sweeps what a deleted channel left in small steps: consumers, fan-outs and idempotency keys', async () => {
    const { channelId, consumerIds } = await channelOf(3);
    const other = await channelOf(1);
    const key = (n: number) => ({ keyHash: Buffer.alloc(16, n), bodyHash: Buffer.alloc(16) });
    for (const id of [channelId, other.channelId]) {
      await accept(
        test.database,
        [1, 2].map((n) => newMessage(node, id, { idempotency: key(n) })),
        100,
      );
    }
    const unfanned = newMessage(node, channelId);
    await accept(test.database, [unfanned], 1);
    await test.database.query('INSERT INTO removed_channel (id) VALUES (?)', [channelId]);
    await test.database.query('DELETE FROM channel WHERE id = ?', [channelId]);
    await eventually(async () => {
      for (const duty of [fanOutForgotten, sweepDeletedChannels, sweepDeleted, sweepDeletedRetries]) await once(duty);
      return (await count('removed_channel')) + (await count('removed_consumer')) + (await count('fanout')) === 0;
    });
    expect(await count('consumer WHERE id IN (?)', [consumerIds])).toBe(0);
    expect(await count('ready WHERE consumer_id IN (?)', [consumerIds])).toBe(0);
    expect(await count('delivery WHERE message_id = ?', [unfanned.id])).toBe(0);
    expect(await count('idempotency WHERE channel_id = ?', [channelId])).toBe(0);
    expect(await count('idempotency WHERE channel_id = ?', [other.channelId])).toBe(2);
    expect(await count('ready WHERE consumer_id = ?', [other.consumerIds[0]])).toBe(2);
  });

  it('measures what is unfinished and how old it is', async () => {
    for (const table of ['fanout', 'ready', 'retry', 'dead_letter']) await test.database.query(`DELETE FROM ${table}`);
    const { channelId, consumerIds } = await channelOf(2);
    const registry = createRegistry();
    const duty = measureBacklog(test.database, createSchedulerMetrics(registry));
    const gauge = async (name: string) => (await registry.metrics()).split('\n').find((line) => line.startsWith(name));
    await duty.doOnce();
    expect(await gauge('posthorn_oldest_unfinished_seconds')).toBe('posthorn_oldest_unfinished_seconds 0');

    await accepted(channelId, 1);
    for (let n = 0; n < 3; n++) await accepted(channelId);
    await attempted(consumerIds[0]!, retryIn(60_000));
    await attempted(consumerIds[1]!, { to: 'dead', reason: 'gone', errorClass: 'gone', disableConsumer: false });
    await meanwhile(100);
    await duty.doOnce();
    for (const [table, rows] of Object.entries({ fanout: 1, ready: 4, retry: 1, dead_letter: 1 })) {
      expect(await gauge(`posthorn_backlog{table="${table}"}`)).toBe(`posthorn_backlog{table="${table}"} ${rows}`);
    }
    expect(Number((await gauge('posthorn_oldest_unfinished_seconds'))!.split(' ')[1])).toBeGreaterThanOrEqual(0.1);
  });
});
