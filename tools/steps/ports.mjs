import { createServer } from 'node:net';
import { Problem } from './problem.mjs';

/** Below the ports that systems give to outgoing connections. */
const lasting = [20_000, 32_000];

/** A port nobody listens on, and that no outgoing connection gets between this and its use. */
export async function freePort(host = '127.0.0.1') {
  const [from, to] = lasting;
  for (;;) {
    const port = from + Math.floor(Math.random() * (to - from));
    if (await isFree(port, host)) return port;
  }
}

/** True when `port` can be listened on. */
export async function isFree(port, host = '127.0.0.1') {
  try {
    await close(await listen(port, host));
    return true;
  } catch (error) {
    if (error.code === 'EADDRINUSE') return false;
    throw error;
  }
}

function listen(port, host) {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

const close = (server) => new Promise((resolve) => server.close(resolve));

/** The port a variable asks for. */
export function portFrom(name, fallback, env = process.env) {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Problem(`${name} is ${JSON.stringify(text)}; it must be a port, 0 to 65535`);
  return port;
}

/** Chooses a free port for 0, and refuses a taken one in words that say what to set. */
export async function settlePort({ name, port, host, hostName, purpose, hint = port + 1000 }) {
  try {
    if (port === 0) return await freePort(host);
    if (await isFree(port, host)) return port;
  } catch (error) {
    throw new Problem(`Cannot listen on ${host}:${port} for ${purpose} (${error.code ?? error.message}); set ${name} or ${hostName}`);
  }
  throw new Problem(`Port ${port} (${purpose}) is taken by another program. Stop it, or choose another: ${name}=${hint} npm start`);
}
