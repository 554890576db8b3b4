import type { LookupAddress } from 'node:dns';
import { classOf, NameError } from './errors.js';
import { watchResolver } from './resolve.js';

const failing = (code: string): Error => new NameError('no address', { cause: Object.assign(new Error(code), { code }) });
const found: LookupAddress[] = [{ address: '192.0.2.1', family: 4 }];

/** A resolver that answers as the table says, a clock, and how each name fails. */
function resolver(names: Record<string, LookupAddress[] | Error>) {
  const clock = { now: 0 };
  const asked: string[] = [];
  const resolve = watchResolver(
    async (name) => {
      asked.push(name);
      const answer = names[name]!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    () => clock.now,
  );
  return { names, clock, asked, fails: (name: string) => resolve(name).then(() => undefined, classOf) };
}

it.each(['EAI_AGAIN', 'ESERVFAIL', 'ETIMEOUT', 'ECONNREFUSED'])('takes %s for ours while nothing else could be resolved', async (code) => {
  expect(await resolver({ a: failing(code) }).fails('a')).toBe('resolver-unreachable');
});

it('never takes a name that is not there for ours', async () => {
  expect(await resolver({ a: failing('ENOTFOUND') }).fails('a')).toBe('dns');
  expect(await resolver({ a: failing('ENODATA') }).fails('a')).toBe('dns');
});

it('asks for another name that it knew: that tells whose failure it is', async () => {
  const { names, clock, asked, fails } = resolver({ good: found, bad: failing('ESERVFAIL') });
  expect(await fails('good')).toBeUndefined();
  expect(await fails('bad')).toBe('dns');
  expect(asked).toEqual(['good', 'bad']);
  clock.now = 10_000;
  expect(await fails('bad')).toBe('dns');
  expect(asked.slice(2)).toEqual(['bad', 'good']);
  clock.now = 20_000;
  names.good = failing('ETIMEOUT');
  expect(await Promise.all([fails('bad'), fails('bad')])).toEqual(['resolver-unreachable', 'resolver-unreachable']);
  expect(asked.slice(4).toSorted()).toEqual(['bad', 'bad', 'good']);
  expect(await fails('good')).toBe('resolver-unreachable');
});
