import { eventText, isReservedChannel, type SystemEvent, systemEventTypes } from './system-event.js';

const at = new Date('2026-11-25T12:00:00.123Z');
const events: SystemEvent[] = [
  { type: 'delivery.dead', message: '123', reason: 'attempts-exhausted', errorClass: 'timeout', httpCode: null, attempts: 11 },
  { type: 'consumer.disabled', reason: 'failing' },
  { type: 'consumer.enabled', disabledReason: 'operator' },
  { type: 'consumer.failing', forSeconds: 216_000, disableAfterSeconds: 432_000 },
  { type: 'breaker.opened', reason: 'errors', openMs: 30_000 },
  { type: 'breaker.closed', by: 'probe', openedAt: at },
];

it.each(events.map((event) => [event.type, event] as const))('the text of %s is JSON with type, timestamp and data', (type, event) => {
  const { head, tail } = eventText(event, at);
  const { type: _type, ...data } = JSON.parse(JSON.stringify(event)) as Record<string, unknown>;
  expect(JSON.parse(`${head}orders","consumer":"billing${tail}`)).toEqual({
    type,
    timestamp: '2026-11-25T12:00:00.123Z',
    data: { channel: 'orders', consumer: 'billing', ...data },
  });
});

it('every type has an example here', () => {
  expect(events.map(({ type }) => type)).toEqual([...systemEventTypes]);
});

it('our own channels are those that begin with posthorn.', () => {
  expect(['posthorn.events', 'posthorn.', 'posthorn.x'].every(isReservedChannel)).toBe(true);
  expect(['posthorn', 'orders', 'my.posthorn.events', 'Posthorn.events'].some(isReservedChannel)).toBe(false);
});
