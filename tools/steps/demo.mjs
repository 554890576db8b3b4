import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { startReceiver } from '../demo-receiver.mjs';
import { makeStateDir } from './paths.mjs';
import { isFree } from './ports.mjs';
import { say } from './progress.mjs';
import { writePrivate } from './secrets.mjs';

const consumer = '/v1/channels/demo/consumers/demo-receiver';

/** Starts the receiver and makes it a push consumer of the channel `demo`; both stay from one start to the next. */
export async function startDemo({ url, adminKey, databaseUrl }) {
  const memory = remember(databaseUrl);
  const port = memory.port && (await isFree(memory.port)) ? memory.port : 0;
  const receiver = await startReceiver({ port, secret: () => memory.signingSecret ?? '', print: say });
  try {
    const call = caller(url, adminKey);
    if (!(await call('GET', '/v1/channels/demo')).ok)
      await expectOk(call('PUT', '/v1/channels/demo', { description: 'Made by npm start' }));
    await register(call, `http://127.0.0.1:${receiver.port}/`, memory);
    memory.port = receiver.port;
    memory.save();
    return receiver;
  } catch (error) {
    await receiver.stop();
    throw error;
  }
}

/** Only the first PUT tells the signing secret; when it is lost, the consumer is made anew. */
async function register(call, target, memory) {
  const known = await call('GET', consumer);
  if (known.ok && memory.signingSecret) {
    if (known.body.url === target && known.body.type === 'push') return;
  } else if (known.ok) {
    await expectOk(call('DELETE', `${consumer}?force=true`));
  }
  const { body } = await expectOk(call('PUT', consumer, { type: 'push', url: target }));
  if (body.signingSecret) memory.signingSecret = body.signingSecret;
}

/** What is known about the consumer in this very database. */
function remember(databaseUrl) {
  const file = path.join(makeStateDir(), 'demo.json');
  const { host, pathname } = new URL(databaseUrl);
  const place = databaseUrl.includes('posthorn:')
    ? 'private'
    : createHash('sha256')
        .update(host + pathname)
        .digest('hex')
        .slice(0, 12);
  const all = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  return {
    ...all[place],
    save() {
      writePrivate(file, JSON.stringify({ ...all, [place]: { port: this.port, signingSecret: this.signingSecret } }));
    },
  };
}

const caller = (url, adminKey) => async (method, where, body) => {
  const response = await fetch(url + where, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  return { ok: response.ok, status: response.status, body: parse(text), what: `${method} ${where}` };
};

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text };
  }
}

async function expectOk(answer) {
  const { ok, status, body, what } = await answer;
  if (!ok) throw new Error(`${what} answered ${status}: ${body?.detail ?? body?.title ?? ''}`);
  return { status, body };
}
