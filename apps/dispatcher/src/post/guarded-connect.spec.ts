import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { parseCidrs } from '@app/domain';
import { BlockedTargetError, classOf } from './errors.js';
import { guardedConnect } from './guarded-connect.js';
import { resolveWith } from './resolve.js';

/** First and last address of every range of the security checklist, and IPv4 within IPv6. */
const blocked = [
  ['0/8', '0.0.0.0', '0.255.255.255'],
  ['10/8', '10.0.0.0', '10.255.255.255'],
  ['100.64/10', '100.64.0.0', '100.127.255.255'],
  ['127/8', '127.0.0.0', '127.255.255.255'],
  ['169.254/16', '169.254.0.0', '169.254.255.255'],
  ['172.16/12', '172.16.0.0', '172.31.255.255'],
  ['192.0.0/24', '192.0.0.0', '192.0.0.255'],
  ['192.0.2/24', '192.0.2.0', '192.0.2.255'],
  ['192.88.99/24', '192.88.99.0', '192.88.99.255'],
  ['192.168/16', '192.168.0.0', '192.168.255.255'],
  ['198.18/15', '198.18.0.0', '198.19.255.255'],
  ['198.51.100/24', '198.51.100.0', '198.51.100.255'],
  ['203.0.113/24', '203.0.113.0', '203.0.113.255'],
  ['224/4', '224.0.0.0', '239.255.255.255'],
  ['240/4', '240.0.0.0', '255.255.255.255'],
  ['::', '::', '::'],
  ['::1', '::1', '::1'],
  ['fc00::/7', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::/10', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['ff00::/8', 'ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:db8::/32', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['::ffff:0:0/96', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe'],
  ['64:ff9b::/96', '64:ff9b::127.0.0.1', '64:ff9b::c0a8:1'],
  ['2002::/16', '2002:7f00:1::', '2002:a00:1::1'],
] as const;
const guard = (addresses: readonly string[], allowed = '') => ({
  allowed: parseCidrs(allowed),
  resolve: async () => addresses.map((address) => ({ address, family: isIP(address) })),
});

const attempt = (host: string, port: number, guarded: Parameters<typeof guardedConnect>[0]): Promise<string> =>
  new Promise((resolve) => {
    const options = { hostname: host.includes(':') ? `[${host}]` : host, host, protocol: 'http:', port: String(port), servername: '' };
    guardedConnect(guarded, 1_000)(options, (error, socket) => {
      const outcome = error instanceof BlockedTargetError ? 'blocked' : error ? classOf(error) : `connected to ${socket.remoteAddress}`;
      socket?.destroy();
      resolve(outcome);
    });
  });

describe('guardedConnect', () => {
  let server: Server;
  let port: number;
  beforeAll(async () => {
    server = createServer((socket) => socket.on('error', () => undefined).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it.each(blocked)('refuses %s, as a host and as what a name resolves to', async (_range, first, last) => {
    for (const address of [first, last]) {
      expect([address, await attempt(address, port, guard([]))]).toEqual([address, 'blocked']);
      expect([address, await attempt('hook.test', port, guard([address]))]).toEqual([address, 'blocked']);
      expect([address, await attempt('hook.test', port, guard(['8.8.8.8', address]))]).toEqual([address, 'blocked']);
      expect([address, await attempt('hook.test', port, guard([address, '2606:4700::1111']))]).toEqual([address, 'blocked']);
    }
  });

  it('connects to the address that was vetted, when all of them may be', async () => {
    expect(await attempt('hook.test', port, guard(['127.0.0.1'], '127.0.0.1/32'))).toBe('connected to 127.0.0.1');
    expect(await attempt('127.0.0.1', port, guard([], '127.0.0.1/32'))).toBe('connected to 127.0.0.1');
    expect(await attempt('hook.test', port, guard(['127.0.0.1', '127.0.0.2'], '127.0.0.1/32'))).toBe('blocked');
    expect(await attempt('hook.test', port, guard(['::ffff:127.0.0.2'], '127.0.0.1/32'))).toBe('blocked');
  });

  it('does not connect to a name without addresses', async () => {
    expect(await attempt('hook.test', port, guard([]))).toBe('blocked');
    expect(await attempt('localhost', port, { allowed: [], resolve: resolveWith(['127.0.0.1:1']) })).toBe('blocked');
    expect(await attempt('hook.test', port, { allowed: [], resolve: resolveWith(['127.0.0.1:1']) })).toBe('dns');
  });
});
