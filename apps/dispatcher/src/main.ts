import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { readDispatcherConfig } from '@app/config';
import { createDispatcherMetrics, createRegistry, demandNone, NestLog, runProcess, startOpsServer } from '@app/runtime';
import { Database, databaseChecks } from '@app/storage';
import { Dispatcher } from './dispatcher.js';
import { DispatcherModule } from './dispatcher.module.js';

await runProcess({
  name: 'dispatcher',
  env: process.env,
  readConfig: readDispatcherConfig,
  start: async (config, log) => {
    const registry = createRegistry();
    const metrics = createDispatcherMetrics(registry);
    const app = await NestFactory.createApplicationContext(DispatcherModule.of({ config, metrics, log }), {
      logger: new NestLog(log),
      abortOnError: false,
    });
    const dispatcher = app.get(Dispatcher);
    const ops = await startOpsServer({
      host: config.opsHost,
      port: config.opsPort,
      registry,
      log,
      live: () => dispatcher.stale(),
      ready: [...databaseChecks(app.get(Database)), { name: 'loops', check: async () => demandNone(dispatcher.stale()) }],
    });
    log.info({ opsPort: ops.port }, 'dispatcher.ready');
    return {
      close: async () => {
        await app.close();
        await ops.close();
      },
    };
  },
});
