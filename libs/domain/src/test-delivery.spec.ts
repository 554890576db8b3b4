import { judgeHeaders } from './headers.js';
import { isTest, stepOfTest, TEST_HEADER, testHeaders } from './test-delivery.js';

it('knows a test by a header that no producer can send', () => {
  expect(isTest(testHeaders({ 'x-a': 'b' }))).toBe(true);
  expect(isTest(null)).toBe(false);
  expect(isTest(JSON.stringify({ 'x-a': '","posthorn-test":"true' }))).toBe(false);
  expect(judgeHeaders({ [TEST_HEADER]: 'true' })).toHaveLength(1);
});

it('a failed test is over, without a dead letter or a disabled consumer', () => {
  expect(stepOfTest({ to: 'delivered' })).toEqual({ to: 'delivered' });
  const over = { to: 'dead', reason: 'test-failed', disableConsumer: false };
  expect(stepOfTest({ to: 'retry', delayMs: 5, errorClass: 'timeout' })).toEqual({ ...over, errorClass: 'timeout' });
  expect(stepOfTest({ to: 'dead', reason: 'gone', errorClass: 'gone', disableConsumer: true })).toEqual({ ...over, errorClass: 'gone' });
});
