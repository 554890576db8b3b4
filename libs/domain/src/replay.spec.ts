import { replayOf } from './replay.js';

it.each([
  [undefined, undefined, 'send'],
  ['delivered', undefined, 'send-again'],
  ['dead', undefined, 'send-again'],
  ['queued', undefined, 'busy'],
  ['in-flight', undefined, 'busy'],
  ['retry-delivery', ['dead'], 'busy'],
  ['retry-in-flight', ['none'], 'busy'],
  [undefined, ['none'], 'send'],
  [undefined, ['delivered', 'dead'], 'unwanted'],
  ['delivered', ['dead'], 'unwanted'],
  ['delivered', ['delivered'], 'send-again'],
  ['dead', ['none', 'dead'], 'send-again'],
] as const)('a message that is %s, where %j is wanted: %s', (status, wanted, act) => {
  expect(replayOf(status, wanted)).toBe(act);
});
