import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { IngestConfig } from '@app/config';
import {
  type Closeable,
  createIngestMetrics,
  createRegistry,
  demandNone,
  type Log,
  NestLog,
  startOpsServer,
  validationPipe,
} from '@app/runtime';
import { Database, databaseChecks } from '@app/storage';
import { AppModule } from './app.module.js';
import { auditWrites } from './http/audit.js';
import { IngestFilter } from './http/ingest-filter.js';
import { createServer } from './http/server.js';
import { serveOpenApi } from './openapi.js';
import { ProcessLife } from './process-node.js';

/** The share of the time to shut down that open requests get before their connections are cut. */
const DRAIN_SHARE = 0.6;

/** Opens and proves the database, joins, listens, and only then says that it is ready. */
export async function startIngest(config: IngestConfig, log: Log): Promise<Closeable> {
  const registry = createRegistry();
  const { adapter, routes } = createServer(config, log);
  auditWrites(adapter.getInstance(), log);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.with({ config, metrics: createIngestMetrics(registry), log }),
    adapter,
    {
      logger: new NestLog(log),
      bodyParser: false,
      abortOnError: false,
    },
  );
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new IngestFilter(log, routes));
  serveOpenApi(app);
  await app.listen({ host: config.host, port: config.port });

  const life = app.get(ProcessLife);
  const database = app.get(Database);
  let closing = false;
  const ops = await startOpsServer({
    host: config.opsHost,
    port: config.opsPort,
    registry,
    log,
    live: () => life.stale,
    ready: [
      { name: 'accepting', check: async () => (closing ? Promise.reject(new Error('shutting down')) : undefined) },
      ...databaseChecks(database),
      { name: 'loops', check: async () => demandNone(life.stale) },
    ],
  });
  log.info({ port: portOf(app), opsPort: ops.port }, 'ingest.ready');

  return {
    close: async () => {
      closing = true;
      await drain(app, config.shutdownTimeoutMs * DRAIN_SHARE);
      await app.close();
      await ops.close();
    },
  };
}

/** No new connections; requests under way are answered, and their connections closed. */
async function drain(app: NestFastifyApplication, withinMs: number): Promise<void> {
  const timer = setTimeout(() => app.getHttpServer().closeAllConnections(), withinMs);
  await app.getHttpAdapter().getInstance().close();
  clearTimeout(timer);
}

function portOf(app: NestFastifyApplication): number {
  const address = app.getHttpServer().address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
