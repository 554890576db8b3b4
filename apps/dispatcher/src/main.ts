import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { readDispatcherConfig } from '@app/config';
import { createDispatcherMetrics, createRegistry, NestLog, runProcess, startService } from '@app/runtime';
import { databaseChecks, mayHeal, openFit } from '@app/storage';
import { Dispatcher } from './dispatcher.js';
import { DispatcherModule } from './dispatcher.module.js';

await runProcess({
  name: 'dispatcher',
  env: process.env,
  readConfig: readDispatcherConfig,
  start: async (config, log, signal) => {
    const registry = createRegistry();
    const metrics = createDispatcherMetrics(registry);
    const options = {
      url: config.databaseUrl,
      poolSize: config.databasePool,
      statementTimeoutMs: config.databaseTimeoutMs,
      queue: config.databaseQueue,
      ...metrics.database,
    };
    return startService({ config, registry, log, signal }, async ({ opsPort, patiently }) => {
      const { database, version } = await patiently('database', () => openFit(options), mayHeal);
      log.info({ server: version }, 'database.fit');
      const app = await NestFactory.createApplicationContext(DispatcherModule.of({ config, metrics, log }, database), {
        logger: new NestLog(log),
        abortOnError: false,
      });
      const dispatcher = app.get(Dispatcher);
      log.info({ opsPort }, 'dispatcher.ready');
      return {
        live: () => dispatcher.stale(),
        ready: databaseChecks(database),
        close: async () => {
          await app.close();
          await database.close();
        },
      };
    });
  },
});
