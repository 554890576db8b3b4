import { resourceOf } from './audited.js';

it.each([
  ['/v1/channels/:channel', { channel: 'orders' }, '/v1/channels/orders'],
  ['/v1/channels/:channel/consumers/:consumer/pause', { channel: 'orders', consumer: 'billing' }, '/v1/channels/orders/consumers/billing'],
  ['/v1/keys', {}, '/v1/keys'],
  ['/v1/channels/:channel', { channel: 'a/b c' }, '/v1/channels/a%2Fb%20c'],
])('%s with %j is about %s', (route, params, resource) => {
  expect(resourceOf(route, params)).toBe(resource);
});

it('is cut to what the table holds', () => {
  expect(resourceOf('/v1/channels/:channel', { channel: 'é'.repeat(200) })).toHaveLength(500);
});
