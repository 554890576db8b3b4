import { DEFAULT_RETRY } from '@app/domain';
import { Holds } from './holds.js';

const answered = (httpCode: number) => ({ kind: 'answered', httpCode }) as const;

it('counts a refusal for each hold, not for each attempt that was under way when it began', () => {
  let now = 0;
  const holds = new Holds(() => now);
  const refused = () => holds.ended(1, answered(429), DEFAULT_RETRY);
  expect([refused(), refused(), refused()]).toEqual([1_000, 1_000, 1_000]);
  now = 1_500;
  expect([refused(), refused()]).toEqual([2_000, 2_000]);
  now = 4_000;
  expect(holds.ended(1, answered(200), DEFAULT_RETRY)).toBe(0);
  expect(refused()).toBe(1_000);
});

it('goes by what it saw for two seconds at most, and for its own consumer', () => {
  let now = 0;
  const holds = new Holds(() => now);
  holds.ended(1, { kind: 'answered', httpCode: 503, retryAfterMs: 3_600_000 }, DEFAULT_RETRY);
  expect([1, 2].map((id) => holds.isHeld(id))).toEqual([true, false]);
  now = 2_000;
  expect(holds.isHeld(1)).toBe(false);
});
