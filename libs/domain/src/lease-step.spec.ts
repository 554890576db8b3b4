import { stepAfterLease } from './lease-step.js';

const policy = { delays: [1, 2] };

it('an ack delivers, whatever the attempt', () => {
  expect(stepAfterLease({ kind: 'ack' }, policy, 1, 0)).toEqual({ to: 'delivered' });
  expect(stepAfterLease({ kind: 'ack' }, policy, 99, 0)).toEqual({ to: 'delivered' });
});

it('dead is dead at once, as rejected', () => {
  expect(stepAfterLease({ kind: 'dead' }, policy, 1, 0)).toEqual({
    to: 'dead',
    reason: 'rejected',
    errorClass: 'rejected',
    disableConsumer: false,
  });
});

it('a nack waits as the policy says, or as long as it asks for', () => {
  expect(stepAfterLease({ kind: 'nack' }, policy, 2, 0)).toEqual({ to: 'retry', delayMs: 2000, errorClass: 'nacked' });
  expect(stepAfterLease({ kind: 'nack', delayMs: 0 }, policy, 2, 0)).toMatchObject({ delayMs: 0 });
  expect(stepAfterLease({ kind: 'nack', delayMs: 90_000 }, policy, 1, 0)).toMatchObject({ delayMs: 90_000 });
});

it('an expired lease is free again at once', () => {
  expect(stepAfterLease({ kind: 'expired' }, policy, 1, 0.5)).toEqual({ to: 'retry', delayMs: 0, errorClass: 'lease-expired' });
});

it.each([
  [{ kind: 'nack', delayMs: 5 } as const, 'nacked'],
  [{ kind: 'expired' } as const, 'lease-expired'],
])('%j buries after the last attempt', (end, errorClass) => {
  expect(stepAfterLease(end, policy, 3, 0)).toEqual({ to: 'dead', reason: 'attempts-exhausted', errorClass, disableConsumer: false });
});
