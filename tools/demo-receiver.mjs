/**
 * A consumer to look at: answers 204 to every delivery, after checking its signature as Standard Webhooks
 * (https://www.standardwebhooks.com) says, and prints what it got.
 *
 *   node tools/demo-receiver.mjs PORT whsec_…
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const toleranceSeconds = 5 * 60;
const shownBytes = 2048;
const largestBytes = 8 * 1024 * 1024;
const shownPerSecond = 20;
const shownHeaders = /^(content-type|traceparent|webhook-(id|timestamp)|posthorn-.*)$/;

/** Why a delivery is not to be trusted, or undefined when its signature holds; `body` is the exact bytes. */
export function whyRefused(secret, headers, body, nowSeconds = Date.now() / 1000) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !timestamp || !signatures) return 'a webhook- header is missing';
  if (!/^\d+$/.test(timestamp) || Math.abs(nowSeconds - Number(timestamp)) > toleranceSeconds) return 'the timestamp is too far from now';
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  const matches = signatures.split(' ').some((signature) => {
    const [version, value] = signature.split(',');
    const given = Buffer.from(value ?? '', 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  return matches ? undefined : 'no signature matches';
}

/** The body as text when it is text, else the beginning of its bytes. */
export function preview(body) {
  if (body.length === 0) return '(empty)';
  const more = body.length > shownBytes ? ` … ${body.length} bytes in all` : '';
  const shown = body.subarray(0, shownBytes);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(shown, { stream: true });
    if (!shown.some(isControl)) return text + more;
  } catch {
    // not text
  }
  const hex = shown
    .subarray(0, 64)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
  return `${hex}${body.length > 64 ? ` … ${body.length} bytes in all` : ''}`;
}

const isControl = (byte) => byte < 0x20 && ![0x09, 0x0a, 0x0d].includes(byte);

function describe(headers, body, refused) {
  const lines = Object.entries(headers)
    .filter(([name]) => shownHeaders.test(name))
    .map(([name, value]) => `    ${name}: ${value}`);
  return [`← delivery ${refused ? `NOT trusted: ${refused}` : 'received, signature verified'}`, ...lines, `    ${preview(body)}`].join(
    '\n',
  );
}

/** Listens on 127.0.0.1; `secret()` gives the signing secret of the moment. */
export async function startReceiver({ port = 0, secret, print = console.log }) {
  let second = 0;
  let shown = 0;
  const show = (text) => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      if (shown > shownPerSecond) print(`  … and ${shown - shownPerSecond} more in that second`);
      second = now;
      shown = 0;
    }
    shown += 1;
    if (shown <= shownPerSecond) print(text());
  };
  const receive = async (request, response) => {
    const chunks = [];
    let size = 0;
    try {
      for await (const chunk of request) {
        size += chunk.length;
        if (size > largestBytes) throw new RangeError('too large');
        chunks.push(chunk);
      }
    } catch {
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    const body = Buffer.concat(chunks);
    const refused = request.method === 'POST' ? whyRefused(secret(), request.headers, body) : 'not a POST';
    show(() => describe(request.headers, body, refused));
    response.writeHead(refused ? 401 : 204).end();
  };
  const server = createServer((request, response) => void receive(request, response));
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: server.address().port,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, secret] = process.argv.slice(2);
  if (!secret) throw new Error('usage: node tools/demo-receiver.mjs PORT whsec_…');
  const receiver = await startReceiver({ port: Number(port), secret: () => secret });
  console.log(`Listening on http://127.0.0.1:${receiver.port}/`);
}
