import {
  deliveryStatusCode,
  deliveryStatusName,
  deliveryStatuses,
  messageStatusCode,
  messageStatusName,
  messageStatuses,
} from './states.js';

it('gives every status its code and back', () => {
  for (const [name, code] of Object.entries(deliveryStatuses)) expect(deliveryStatusName(code)).toBe(name);
  for (const [name, code] of Object.entries(messageStatuses)) expect(messageStatusName(code)).toBe(name);
  expect([deliveryStatusCode('queued'), deliveryStatusCode('dead')]).toEqual([1, 6]);
  expect([messageStatusCode('acknowledged'), messageStatusCode('cancelled')]).toEqual([1, 4]);
});

it('refuses codes that were never written', () => {
  expect(() => deliveryStatusName(0)).toThrow(RangeError);
  expect(() => messageStatusName(5)).toThrow(RangeError);
});
