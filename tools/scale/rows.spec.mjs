import { deliveryStatusCode, messageStatusCode } from '@app/domain';
import { codes, insertAttempts, insertDelivered, insertReady } from './rows.mjs';

const part = { fromMs: Date.UTC(2026, 0, 1), spanMs: 1000, messages: 10 };
const cut = { from: 16_384, rows: 7 };

it('writes the numbers that stand for states', () => {
  expect(codes).toEqual({
    outForDelivery: messageStatusCode('out-for-delivery'),
    queued: deliveryStatusCode('queued'),
    delivered: deliveryStatusCode('delivered'),
  });
});

it('gives each message to every consumer, one after another', () => {
  for (const statement of [insertDelivered(part, cut, [7, 9]), insertAttempts(part, cut, [7, 9])]) {
    expect(statement).toContain('ELT((16384 + t.n) MOD 2 + 1, 7, 9)');
    expect(statement).toContain('(16384 + number.n) DIV 2');
    expect(statement).toContain('number.n < 7');
  }
});

it('puts a lane in the order of its rows', () => {
  expect(insertReady(part, cut, 7)).toMatch(/SELECT 7, 9, t\.id, t\.id .* ORDER BY t\.n$/);
});
