import * as fc from 'fast-check';
import { ADMIN_KEY, Cluster } from './support/cluster.js';
import { type ApiDocument, type ApiOperation, describedIn } from './support/fuzz/document.js';
import { Judge } from './support/fuzz/judge.js';
import { type RawAnswer, type RawRequest, sendRaw } from './support/fuzz/raw-client.js';
import { Requests } from './support/fuzz/requests.js';
import { SchemaValues } from './support/fuzz/schemas.js';
import { SECRET, World } from './support/fuzz/world.js';

/** Longer, and other, runs: `FUZZ_RUNS=1000 FUZZ_SEED=$RANDOM npm test -- test/fuzz.spec.ts`. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 48);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_125);
const AT_A_TIME = 8;
const ROUNDS = 5;

let cluster: Cluster;
let document: ApiDocument;
let operations: ApiOperation[];
let world: World;
let judge: Judge;
let requests: Requests;

beforeAll(async () => {
  cluster = await Cluster.start({ schedulers: 1 });
  const sink = await cluster.sink();
  document = (await cluster.api<ApiDocument>('GET', '/openapi.json', undefined, {}, null)).body;
  operations = describedIn(document);
  world = new World(cluster, sink.url);
  const { POSTHORN_SECRET_KEY = '', DATABASE_URL = '' } = cluster.env;
  judge = new Judge(document, [SECRET, ADMIN_KEY, POSTHORN_SECRET_KEY, new URL(DATABASE_URL).pathname.slice(1)]);
  requests = new Requests(new SchemaValues(document.components.schemas, world.hints, world.bases), ADMIN_KEY);
});
afterAll(() => cluster.stop());

const portOf = (): number => Number(new URL(cluster.url).port);
const shown = ({ method, target, headers, body }: RawRequest): string =>
  JSON.stringify({
    method,
    target: target.slice(0, 300),
    headers: headers.slice(1, 8).map(([name, value]) => `${name}: ${value.slice(0, 100)}`),
    body: body?.toString('latin1').slice(0, 400),
  });

/** How many answers of each hundred there were. */
type Tally = Map<number, number>;

/** Sends requests to an operation, some at a time; answers what was wrong, each thing once with the request that showed it. */
async function probe(operation: ApiOperation, all: readonly RawRequest[], tally: Tally): Promise<string[]> {
  const wrong = new Map<string, string>();
  for (let at = 0; at < all.length; at += AT_A_TIME) {
    // Things that are taken away, or changed beyond use, are there for the next requests.
    if (at === 0 || operation.method === 'DELETE') await world.make();
    await Promise.all(
      all.slice(at, at + AT_A_TIME).map(async (request) => {
        const filled = world.filled(request);
        const found = await answerOf(filled).then(
          (answer) => {
            tally.set(Math.floor(answer.status / 100), (tally.get(Math.floor(answer.status / 100)) ?? 0) + 1);
            world.learn(operation, answer);
            return judge.wrongWith(operation, filled, answer);
          },
          (error: Error) => `does not answer: ${error.message}`,
        );
        if (found !== undefined)
          wrong.set(found.replaceAll(/[0-9a-f-]{36}/g, '…').slice(0, 80), `${operation.name} ${found}\n  ${shown(filled)}`);
      }),
    );
  }
  return [...wrong.values()];
}

const answerOf = (request: RawRequest): Promise<RawAnswer> => sendRaw(portOf(), request);

/** Nothing that was sent has upset a process. */
async function expectUnharmed(): Promise<void> {
  for (const one of cluster.processes) {
    for (const path of ['live', 'ready'])
      expect([one.app, path, (await fetch(`${one.opsUrl}/health/${path}`)).status]).toEqual([one.app, path, 200]);
    expect(one.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  }
}

describe(`what the document of the API says, by requests made from it (seed ${SEED}, ${RUNS} for each operation)`, () => {
  it('holds for requests as it describes them, and each operation can be used', async () => {
    const wrong: string[] = [];
    for (const [index, operation] of operations.entries()) {
      const tally: Tally = new Map();
      // What a request needs beyond its schema is met by chance.
      for (let round = 0; round < ROUNDS && !tally.get(2); round++) {
        const seed = SEED + 1_000 * round + index;
        const sample = fc.sample(requests.good(operation), { seed, numRuns: Math.ceil(RUNS / 2) });
        wrong.push(...(await probe(operation, sample, tally)));
      }
      if (!tally.get(2)) wrong.push(`${operation.name} never answered 2xx in ${ROUNDS} rounds`);
    }
    expect(wrong).toEqual([]);
    await expectUnharmed();
  }, 600_000);

  it('holds for requests that are wrong in every way, none of which harms a process or tells a secret', async () => {
    const wrong: string[] = [];
    for (const [index, operation] of operations.entries()) {
      const tally: Tally = new Map();
      const sample = fc.sample(requests.bad(operation), { seed: SEED - 1 - index, numRuns: RUNS });
      wrong.push(...(await probe(operation, sample, tally)));
      if (!tally.get(4)) wrong.push(`${operation.name} refused none of ${sample.length} requests`);
    }
    expect(wrong).toEqual([]);
    await expectUnharmed();
  }, 600_000);
});
