import { DEFAULT_BREAKER } from '@app/domain';
import type { Probe } from '@app/storage';
import type { Work } from './claim-loop.js';
import { ConsumerHealth } from './consumer-health.js';

let now = 0;
const work = (more: Record<string, unknown> = {}, probe?: Probe): Work =>
  ({
    claim: { consumerId: 7 },
    target: { version: '1.1.0', breaker: { ...DEFAULT_BREAKER, minimum: 3 }, breakerEpoch: 4, disableAfterSeconds: 0, ...more },
    probe,
  }) as unknown as Work;
const failed = { kind: 'answered', httpCode: 500 } as const;
const delivered = { kind: 'answered', httpCode: 200 } as const;
const opens = { kind: 'breaker-opens', epoch: 4, reason: 'errors', openMs: 30_000 };
const only = (kind: string, changes: readonly { kind: string }[] | undefined) => changes?.filter((one) => one.kind === kind);

it('has nothing to say of consumers that are well', () => {
  const health = new ConsumerHealth(() => now);
  for (let n = 0; n < 100; n++) expect(health.ended(work(), delivered, 5)).toBeUndefined();
});

it('opens once, and holds what is claimed already for a moment', () => {
  const health = new ConsumerHealth(() => now);
  const said = Array.from({ length: 5 }, () => only('breaker-opens', health.ended(work(), failed, 5)));
  expect(said.flatMap((one) => one ?? [])).toEqual([opens]);
  expect(health.isOpen(7)).toBe(true);
  now += 2_000;
  expect(health.isOpen(7)).toBe(false);
});

it('begins anew when the consumer has changed or its breaker was closed', () => {
  const health = new ConsumerHealth(() => now);
  for (let n = 0; n < 2; n++) health.ended(work(), failed, 5);
  for (let n = 0; n < 2; n++) expect(only('breaker-opens', health.ended(work({ version: '1.1.1' }), failed, 5)) ?? []).toEqual([]);
  expect(only('breaker-opens', health.ended(work({ version: '1.1.1' }), failed, 5))).toEqual([opens]);
});

it('leaves a consumer without a breaker alone', () => {
  const health = new ConsumerHealth(() => now);
  for (let n = 0; n < 50; n++) expect(only('breaker-opens', health.ended(work({ breaker: null }), failed, 5)) ?? []).toEqual([]);
});

it('says what became of a probe, and nothing else of the breaker', () => {
  const health = new ConsumerHealth(() => now);
  const probe = { consumerId: 7, token: '9', openings: 1, passed: 0, openedAt: null };
  expect(health.ended(work({}, probe), failed, 5)?.[0]).toEqual({
    kind: 'probe-ends',
    token: '9',
    step: { to: 'open', openings: 2, openMs: 60_000 },
    openedAt: null,
  });
  expect(health.ended(work({}, probe), delivered, 5)).toEqual([
    { kind: 'probe-ends', token: '9', step: { to: 'closed' }, openedAt: null },
    { kind: 'recovered' },
  ]);
});
