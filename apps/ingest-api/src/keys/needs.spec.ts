import 'reflect-metadata';
import type { ExecutionContext } from '@nestjs/common';
import { formatScope, type Scope } from '@app/domain';
import type { Caller } from './caller.js';
import { Needs, RightsGuard } from './needs.js';

class Routes {
  open(): void {}

  @Needs('admin')
  govern(): void {}

  @Needs('consume')
  lease(): void {}
}

const KEY = 'Bearer key';
/** A request to one of the routes, by a key with these scopes. */
function decide(route: keyof Routes, scopes: readonly Scope[], params: Record<string, string> = {}) {
  const request: { headers: object; params: object; caller?: Caller } = { headers: { authorization: KEY }, params };
  const context = {
    getHandler: () => Routes.prototype[route],
    getClass: () => Routes,
    switchToHttp: () => ({ getRequest: () => request }),
  } as unknown as ExecutionContext;
  const check = { check: () => ({ keyId: 'k', keyName: 'k', producerId: null, scopes }) };
  const jobs = { channelOf: () => Promise.reject(new Error('the channel is in the path')) };
  const limits = { charge: () => expect('the key').toBe('one with a limit') };
  return () => new RightsGuard(check as never, jobs as never, limits as never).canActivate(context);
}

it('is closed, to admins too, where a route does not say what it needs', () => {
  expect(decide('open', [{ kind: 'admin' }])).toThrow('Routes.open does not say what it needs');
});

it.each<[Scope, boolean]>([
  [{ kind: 'admin' }, true],
  [{ kind: 'read' }, false],
  [{ kind: 'manage', channel: '*' }, false],
  [{ kind: 'publish', channel: '*' }, false],
  [{ kind: 'consume', channel: '*', consumer: '*' }, false],
])('a route for admins takes nothing else (%#)', (scope, allowed) => {
  if (allowed) expect(decide('govern', [scope])()).toBe(true);
  else expect(decide('govern', [scope])).toThrow(expect.objectContaining({ code: 'forbidden', detail: 'the key needs the scope admin' }));
});

it('asks for the names in the path, and takes * in a scope for any', () => {
  const names = { channel: 'orders', consumer: 'billing' };
  const consume = (channel: string, consumer: string): Scope => ({ kind: 'consume', channel, consumer });
  for (const scope of [consume('orders', 'billing'), consume('*', 'billing'), consume('orders', '*'), consume('*', '*')])
    expect([formatScope(scope), decide('lease', [scope], names)()]).toEqual([formatScope(scope), true]);
  for (const scope of [consume('orders', 'shop'), consume('Orders', 'billing'), consume('orders', 'bill')])
    expect(decide('lease', [scope], names)).toThrow(expect.objectContaining({ code: 'forbidden' }));
  expect(decide('lease', [consume('orders', 'billing')], { channel: '*', consumer: '*' })).toThrow();
});
