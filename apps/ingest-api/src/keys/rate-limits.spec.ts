import { Problem } from '@app/domain';
import { LiveNodes } from './live-nodes.js';
import { RateLimits } from './rate-limits.js';

function limits(nodes: { count: number } = { count: 1 }) {
  const clock = { ms: 0 };
  const headers: Record<string, unknown> = {};
  const refused = { count: 0 };
  const reply = { header: (name: string, value: unknown) => (headers[name] = value) } as never;
  const made = new RateLimits(
    nodes,
    () => void refused.count++,
    () => clock.ms,
  );
  const key = { keyId: 'k', rate: { perSecond: 10, burst: 4 } };
  const charge = (cost = 1, one: { keyId: string; rate?: { perSecond: number; burst: number } } = key): Problem | undefined => {
    try {
      made.charge(one, cost, reply);
      return undefined;
    } catch (error) {
      return error as Problem;
    }
  };
  return { made, clock, headers, refused, reply, key, charge };
}

it('refuses what is too much, and says what is left and when to come again', () => {
  const { charge, headers, refused, clock } = limits();
  expect(Array.from({ length: 4 }, () => charge()?.code)).toEqual([undefined, undefined, undefined, undefined]);
  expect(headers).toEqual({ 'ratelimit-policy': '"key";q=4;w=1', ratelimit: '"key";r=0;t=1' });
  expect(charge()).toMatchObject({ code: 'too-many-requests', status: 429, retryAfterSeconds: 0.1 });
  expect(refused.count).toBe(1);
  clock.ms = 100;
  expect(charge()).toBeUndefined();
});

it('leaves keys without a limit alone, and each of the others to itself', () => {
  const { charge, headers } = limits();
  for (let n = 0; n < 100; n++) expect(charge(1, { keyId: 'free' })).toBeUndefined();
  expect(headers).toEqual({});
  for (let n = 0; n < 10; n++) charge();
  expect(charge(1, { keyId: 'other', rate: { perSecond: 1, burst: 1 } })).toBeUndefined();
});

it('gives out its share among the processes that live, from the next request on', () => {
  const nodes = { count: 2 };
  const { charge, clock } = limits(nodes);
  const within = (ms: number): number => {
    let taken = 0;
    const until = clock.ms + ms;
    for (; clock.ms < until; clock.ms++) if (!charge()) taken++;
    return taken;
  };
  within(1_000);
  expect(within(10_000)).toBe(50);
  nodes.count = 1;
  expect(within(10_000)).toBe(100);
  nodes.count = 4;
  within(1_000);
  expect(within(20_000)).toBe(50);
});

it('takes a batch that fits into the burst, though not into this process’s share, and holds the rate afterwards', () => {
  const { made, charge, clock, key, reply } = limits({ count: 4 });
  expect(charge()).toBeUndefined();
  clock.ms = 1_000;
  expect(() => made.chargeMore(key, 3, reply)).not.toThrow();
  clock.ms = 1_000 + 1_199;
  expect(charge()?.code).toBe('too-many-requests');
  clock.ms = 1_000 + 1_200;
  expect(charge()).toBeUndefined();
});

it('refuses a batch that can never fit for good, not for now', () => {
  const { made, key, reply } = limits();
  expect(() => made.chargeMore(key, 4, reply)).toThrow(expect.objectContaining({ code: 'validation-failed', field: 'body' }));
});

it('counts the processes again while it is asked, once a second, and keeps the last count when nobody answers', async () => {
  const clock = { ms: 0 };
  let reads = 0;
  let answer: () => Promise<number> = async () => 3;
  const nodes = new LiveNodes(
    () => {
      reads++;
      return answer();
    },
    () => clock.ms,
  );
  await nodes.refresh();
  for (let n = 0; n < 10; n++) expect(nodes.count).toBe(3);
  expect(reads).toBe(1);
  clock.ms = 1_001;
  answer = () => Promise.reject(new Error('away'));
  expect(nodes.count).toBe(3);
  await nodes.refresh();
  expect([nodes.count, reads]).toEqual([3, 2]);
  answer = async () => 0;
  clock.ms = 2_100;
  expect(nodes.count).toBe(3);
  await nodes.refresh();
  expect(nodes.count).toBe(1);
});
