import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { IngestConfig } from '@app/config';
import { type Closeable, createIngestMetrics, createRegistry, type Log, NestLog, startService, validationPipe } from '@app/runtime';
import { databaseChecks, mayHeal } from '@app/storage';
import { AppModule, type IngestSurroundings } from './app.module.js';
import { openDatabases } from './databases.js';
import { auditWrites } from './http/audit.js';
import { IngestFilter } from './http/ingest-filter.js';
import { createServer, type PublicServer } from './http/server.js';
import { renewCertificates } from './http/tls.js';
import { serveOpenApi } from './openapi.js';
import { ProcessLife } from './process-node.js';

/** The share of the time to shut down that open requests get before their connections are cut. */
const DRAIN_SHARE = 0.6;

/**
 * Opens the operations port, then the database for as long as that takes, joins, listens, and only then says that it is ready. `readAgain` answers what the
 * configuration is by now: files of certificates change.
 */
export function startIngest(config: IngestConfig, log: Log, signal: AbortSignal, readAgain: () => IngestConfig): Promise<Closeable> {
  const registry = createRegistry();
  const metrics = createIngestMetrics(registry);
  return startService({ config, registry, log, signal }, async ({ opsPort, patiently }) => {
    const databases = await patiently('database', () => openDatabases(config, metrics.database), mayHeal);
    log.info({ server: databases.version }, 'database.fit');
    const { app, server } = await listen({ config, metrics, log, databases });
    const renewing = renewOnHangup(server, config, readAgain, log);
    const life = app.get(ProcessLife);
    let closing = false;
    log.info({ port: portOf(app), opsPort }, 'ingest.ready');
    return {
      live: () => [...life.stale, ...(renewing?.loop.stale ? [renewing.loop.name] : [])],
      ready: [
        { name: 'accepting', check: async () => (closing ? Promise.reject(new Error('shutting down')) : undefined) },
        ...databaseChecks(databases.publishing),
      ],
      close: async () => {
        closing = true;
        life.stopWaiting();
        await renewing?.stop();
        await drain(app, server, config.shutdownTimeoutMs * DRAIN_SHARE);
        await app.close();
        await databases.publishing.close();
      },
    };
  });
}

async function listen(surroundings: IngestSurroundings): Promise<{ app: NestFastifyApplication; server: PublicServer }> {
  const { config, metrics, log } = surroundings;
  const server = createServer(config, log);
  const { adapter, routes } = server;
  auditWrites(adapter.getInstance(), log);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(surroundings), adapter, {
    logger: new NestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new IngestFilter(log, metrics, routes));
  serveOpenApi(app);
  await app.listen({ host: config.host, port: config.port });
  return { app, server };
}

/** No new connections; requests under way are answered, and their connections closed, HTTP/2 with GOAWAY. */
async function drain(app: NestFastifyApplication, { http2, endUndecided }: PublicServer, withinMs: number): Promise<void> {
  const timer = setTimeout(() => {
    app.getHttpServer().closeAllConnections();
    http2.destroy();
    endUndecided();
  }, withinMs);
  http2.close();
  endUndecided();
  await app.getHttpAdapter().getInstance().close();
  clearTimeout(timer);
}

/** Of a server that speaks TLS. SIGHUP says that there is a new certificate. */
function renewOnHangup({ https }: PublicServer, config: IngestConfig, readAgain: () => IngestConfig, log: Log) {
  if (!https) return undefined;
  const loop = renewCertificates(https, config, readAgain, log);
  const wake = (): void => loop.wake();
  process.on('SIGHUP', wake);
  loop.start();
  return {
    loop,
    stop: async (): Promise<void> => {
      process.off('SIGHUP', wake);
      await loop.stop();
    },
  };
}

function portOf(app: NestFastifyApplication): number {
  const address = app.getHttpServer().address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
