import { type Id, firstIdAt } from '@app/domain';
import { accept, claim, findBehind, giveBack, type LaneBound, Node } from '@app/storage';
import { Cluster } from './support/cluster.js';
import { freshDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { channelWith, newMessage } from './support/rows.js';

const MINUTE_MS = 60_000;
const ago = (minutes: number): Id => firstIdAt(Date.now() - minutes * MINUTE_MS);
const bound = (minutes: number, rank = 9): LaneBound => ({ rank, seq: ago(minutes) });

describe('a lane that is claimed from its bounds', () => {
  let test: TestDatabase;
  let node: Node;
  beforeAll(async () => {
    test = await freshDatabase();
    node = await Node.join(test.database, 'dispatcher');
  });
  afterAll(() => test.drop());

  /** A lane with a row for each `[minutes ago, priority]`. */
  async function lane(...rows: [number, number][]): Promise<{ consumerId: number; ids: Id[] }> {
    const { channelId, consumerIds } = await channelWith(test.database, 1);
    const batch = rows.map(([minutes, priority], n) =>
      newMessage(node, channelId, { id: (BigInt(ago(minutes)) + BigInt(4096 * n)).toString(), priority }),
    );
    await accept(test.database, batch, 100);
    return { consumerId: consumerIds[0]!, ids: batch.map(({ id }) => id) };
  }

  const take = async (consumerId: number, limit: number, from: LaneBound[], leaseMs = 30_000) =>
    (await claim(test.database, [{ consumerId, limit, leaseMs, from }], node.mint())).claimed;

  it('gives what lies above them, in the order of priority and time, and ranks without a bound from their head', async () => {
    const { consumerId, ids } = await lane([50, 0], [30, 0], [20, 0], [50, 5], [20, 5], [55, 9], [10, 0]);
    const claimed = await take(consumerId, 10, [bound(40), bound(40, 4)]);
    expect(claimed.map((one) => one.messageId)).toEqual([ids[5], ids[4], ids[1], ids[2], ids[6]]);
  });

  it('gives no more than was asked for', async () => {
    const { consumerId, ids } = await lane([50, 0], [30, 0], [20, 0], [10, 0]);
    expect((await take(consumerId, 2, [bound(40)])).map((one) => one.messageId)).toEqual([ids[1], ids[2]]);
  });

  it('may have bounds in every rank', async () => {
    const { consumerId, ids } = await lane([50, 0], [30, 9], [20, 3]);
    const everywhere = Array.from({ length: 10 }, (_, rank) => bound(40, rank));
    expect((await take(consumerId, 10, everywhere)).map((one) => one.messageId)).toEqual([ids[1], ids[2]]);
  });

  it('shows what lies below them once it is due, and whether somebody had it', async () => {
    const { consumerId } = await lane([50, 0], [30, 0]);
    const look = () => findBehind(test.database, [{ consumerId, from: [bound(40)] }]);
    expect(await look()).toEqual([{ consumerId, leased: false }]);
    const held = await take(consumerId, 1, []);
    expect(await look()).toEqual([]);
    await giveBack(test.database, held);
    expect(await look()).toEqual([{ consumerId, leased: false }]);
    await take(consumerId, 1, [], 1);
    await eventually(async () => expect(await look()).toEqual([{ consumerId, leased: true }]));
    expect(await findBehind(test.database, [])).toEqual([]);
    expect(await findBehind(test.database, [{ consumerId, from: [bound(55), bound(40, 3)] }])).toEqual([]);
  });

  it('is looked behind together with hundreds of others', async () => {
    const { consumerId } = await lane([50, 0]);
    const others = Array.from({ length: 250 }, (_, n) => ({ consumerId: 1_000_000 + n, from: [bound(0)] }));
    expect(await findBehind(test.database, [...others, { consumerId, from: [bound(0)] }])).toEqual([{ consumerId, leased: false }]);
  });
});

describe('a dispatcher that delivers from a busy lane', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ dispatchers: 1 });
  });
  afterAll(() => cluster.stop());

  it('delivers a message that becomes visible long after younger ones', async () => {
    const { database } = cluster;
    const sink = await cluster.sink();
    await cluster.channel('busy');
    await cluster.consumer('busy', 'c', sink.url);
    const [channel] = await database.query<{ id: number }[]>(`SELECT id FROM channel WHERE name = 'busy'`);
    const node = await Node.join(database, 'ingest');
    const batch = Array.from({ length: 1_500 }, () => newMessage(node, channel!.id));
    for (let from = 0; from < batch.length; from += 500) await accept(database, batch.slice(from, from + 500), 100);
    await eventually(() => sink.received.length === batch.length, 60_000);
    const late = [3, 2, 1].map((minutes) => newMessage(node, channel!.id, { id: ago(minutes) }));
    for (const one of late) {
      await accept(database, [one], 100);
      await eventually(() => sink.ids.includes(one.id));
    }
    await eventually(() => cluster.idle());
    expect(new Set(sink.ids).size).toBe(batch.length + late.length);
  });
});
