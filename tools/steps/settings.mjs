import path from 'node:path';
import { makeStateDir } from './paths.mjs';
import { portFrom, settlePort } from './ports.mjs';
import { keptSecret, newAdminKey, newSecretKey, secretFromEnv } from './secrets.mjs';

const opsPorts = { 'ingest-api': 9090, dispatcher: 9091, 'failsafe-scheduler': 9092 };

/** A given value wins, from NAME or NAME_FILE; the apps then get it as NAME only. */
const kept = (name, file, make) => secretFromEnv(name) ?? keptSecret(path.join(makeStateDir(), file), make);

/** How to call an address that was only meant for listening. */
function reachable(host) {
  const callable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return callable.includes(':') ? `[${callable}]` : callable;
}

/** Addresses and ports, all free at this moment. */
export async function chooseAddresses(env = process.env) {
  const host = env.HOST || '127.0.0.1';
  const opsHost = env.OPS_HOST || '127.0.0.1';
  const wanted = portFrom('PORT', 8080);
  const port = await settlePort({ name: 'PORT', port: wanted, host, hostName: 'HOST', purpose: 'the API' });
  const base = portFrom('OPS_PORT', undefined);
  const ops = {};
  for (const [offset, [app, usual]] of Object.entries(opsPorts).entries()) {
    const wantedOps = base === undefined ? usual : base === 0 ? 0 : base + offset;
    const purpose = `health and metrics of ${app}`;
    const hint = (base ?? opsPorts['ingest-api']) + 100;
    ops[app] = await settlePort({ name: 'OPS_PORT', port: wantedOps, host: opsHost, hostName: 'OPS_HOST', purpose, hint });
  }
  return {
    host,
    port,
    opsHost,
    ops,
    url: `http://${reachable(host)}:${port}`,
    opsUrl: (app) => `http://${reachable(opsHost)}:${ops[app]}`,
  };
}

/** What the apps find in their environment: what was set stays, and the rest is made fit for trying Posthorn on one machine. */
export function appSettings(databaseUrl, { host, opsHost, port }, env = process.env) {
  const settings = {
    NODE_ENV: 'production',
    ALLOWED_TARGETS: '127.0.0.0/8,::1/128',
    ALLOW_HTTP_TARGETS: 'true',
    // Names of consumers are resolved in these threads, of which Node has four unless it is told at start.
    UV_THREADPOOL_SIZE: '64',
    ...Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')),
    DATABASE_URL: databaseUrl,
    POSTHORN_ADMIN_KEY: kept('POSTHORN_ADMIN_KEY', 'admin-key', newAdminKey),
    POSTHORN_SECRET_KEY: kept('POSTHORN_SECRET_KEY', 'secret-key', newSecretKey),
    HOST: host,
    PORT: String(port),
    OPS_HOST: opsHost,
    // Several processes of one machine hear nudges: each takes a free port.
    NUDGE_PORT: '0',
  };
  for (const name of ['DATABASE_URL', 'POSTHORN_ADMIN_KEY', 'POSTHORN_SECRET_KEY']) delete settings[`${name}_FILE`];
  return settings;
}

/** The names we gave a value that its documented default is not, for saying so. */
export const loosened = (env = process.env) => ['ALLOWED_TARGETS', 'ALLOW_HTTP_TARGETS'].filter((name) => !env[name]);
