import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseProxy } from './database-proxy.mjs';

const packet = (content, sequence = 0) => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(content.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, content]);
};
const query = (sql) => packet(Buffer.concat([Buffer.from([3]), Buffer.from(sql)]));
/** An OK packet with these status flags: 1 in a transaction, 2 autocommit, 8 more to come. */
const ok = (status, sequence = 1) => packet(Buffer.from([0, 0, 0, status, 0, 0, 0]), sequence);

describe('a connection through the proxy', () => {
  let server;
  let proxy;
  let sightings;
  /** What reached the server. */
  let heard;
  beforeEach(async () => {
    heard = '';
    sightings = new Map();
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        heard += bytes.toString('latin1');
        socket.write(heard.includes('COMMIT') ? ok(2) : ok(3));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = new DatabaseProxy(sightings);
    await proxy.open(`mysql://a:b@127.0.0.1:${server.address().port}/x`);
  });
  afterEach(async () => {
    await proxy.close();
    server.close();
  });

  async function open() {
    const client = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    await once(client, 'connect');
    const got = [];
    client.on('data', (bytes) => got.push(bytes));
    const broken = new Promise((resolve) => {
      client.once('error', ({ code }) => resolve(code));
    });
    return { client, got, broken };
  }

  it('passes what comes in pieces', async () => {
    const { client, got } = await open();
    const bytes = query('INSERT 1');
    client.write(bytes.subarray(0, 3));
    await sleep(20);
    client.write(bytes.subarray(3));
    await once(client, 'data');
    expect(heard).toContain('INSERT 1');
    expect(Buffer.concat(got)).toEqual(ok(3));
    client.destroy();
  });

  it('is cut before a COMMIT reaches the server', async () => {
    const { client, broken } = await open();
    client.write(query('INSERT 1'));
    await once(client, 'data');
    const cut = proxy.cutAtCommit('before', new AbortController().signal);
    client.write(query('COMMIT'));
    expect(await broken).toBe('ECONNRESET');
    expect(await cut).toBe(true);
    expect(heard).not.toContain('COMMIT');
  });

  it('is cut after the server executed a COMMIT, at the end of several statements too', async () => {
    const { client, got, broken } = await open();
    const cut = proxy.cutAtCommit('after', new AbortController().signal);
    client.write(query('INSERT 1;COMMIT'));
    expect(await broken).toBe('ECONNRESET');
    expect(await cut).toBe(true);
    expect(heard).toContain('INSERT 1;COMMIT');
    expect(got).toEqual([]);
  });

  it('is not cut when there was no COMMIT in time', async () => {
    const { client } = await open();
    const timer = new AbortController();
    const cut = proxy.cutAtCommit('before', timer.signal);
    client.write(query('INSERT 1'));
    await once(client, 'data');
    timer.abort();
    expect(await cut).toBe(false);
    client.write(query('COMMIT'));
    await once(client, 'data');
    client.destroy();
  });

  it('is held up without being broken while it is stalled', async () => {
    const { client, got } = await open();
    client.write(query('INSERT 1'));
    await once(client, 'data');
    proxy.stall();
    client.write(query('INSERT 2'));
    await sleep(100);
    expect(heard).not.toContain('INSERT 2');
    proxy.flow();
    await once(client, 'data');
    expect(heard).toContain('INSERT 2');
    expect(got).toHaveLength(2);
    client.destroy();
  });

  it('tells which messages were named, and when', async () => {
    const { client } = await open();
    client.write(query(`UPDATE x '[["249829396129529856",7,1]]'`));
    await once(client, 'data');
    expect([...sightings.keys()]).toEqual(['249829396129529856']);
    expect(performance.now() - sightings.get('249829396129529856')[0]).toBeLessThan(5000);
    client.destroy();
  });
});
