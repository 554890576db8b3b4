import type { Leased } from '@app/storage';
import { Poll, type PollEnd } from './poll.js';

const wish = { max: 1, leaseMs: 1_000 };
const leased: Leased[] = [];

function poll(waitMs: number): { it: Poll; ends: PollEnd[]; hangUp: () => void } {
  const ends: PollEnd[] = [];
  const gone = new AbortController();
  return { it: new Poll(wish, waitMs, gone.signal, (how) => ends.push(how)), ends, hangUp: () => gone.abort() };
}

it('is not answered empty before its lane was looked at once, even when it may not wait', async () => {
  const { it: one, ends } = poll(0);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect([ends, one.untried]).toEqual([[], true]);
  one.begin();
  expect(one.untried).toBe(false);
  one.miss();
  expect(await one.answer).toEqual([]);
  expect(ends).toEqual(['empty']);
});

it('whose time ends while it is looked for gets what is found', async () => {
  const { it: one, ends } = poll(1);
  one.begin();
  one.miss();
  one.begin();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(ends).toEqual([]);
  expect(one.give(leased)).toBe(true);
  expect(await one.answer).toBe(leased);
  expect(ends).toEqual(['leased']);
});

it('whose client is gone says so to whoever has leases for it, and ends once', async () => {
  const { it: one, ends, hangUp } = poll(60_000);
  one.begin();
  hangUp();
  expect(await one.answer).toEqual([]);
  expect(one.give(leased)).toBe(false);
  one.fail(new Error('late'));
  one.miss();
  one.dismiss();
  expect(ends).toEqual(['gone']);
});

it('that is dismissed while it waits is answered at once', async () => {
  const { it: one, ends } = poll(60_000);
  one.begin();
  one.miss();
  one.dismiss();
  expect(await one.answer).toEqual([]);
  expect(ends).toEqual(['empty']);
});

it('that fails is told why', async () => {
  const { it: one, ends } = poll(60_000);
  one.begin();
  one.fail(new Error('away'));
  await expect(one.answer).rejects.toThrow('away');
  expect(ends).toEqual(['failed']);
});
