import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { readSchedulerConfig } from '@app/config';
import { createRegistry, createSchedulerMetrics, NestLog, runProcess, startService } from '@app/runtime';
import { databaseChecks, mayHeal, openFit } from '@app/storage';
import { Scheduler } from './scheduler.js';
import { SchedulerModule } from './scheduler.module.js';

await runProcess({
  name: 'scheduler',
  env: process.env,
  readConfig: readSchedulerConfig,
  start: async (config, log, signal) => {
    const registry = createRegistry();
    const metrics = createSchedulerMetrics(registry);
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
      const app = await NestFactory.createApplicationContext(SchedulerModule.of({ config, metrics, log }, database), {
        logger: new NestLog(log),
        abortOnError: false,
      });
      const scheduler = app.get(Scheduler);
      log.info({ opsPort }, 'scheduler.ready');
      return {
        live: () => scheduler.stale(),
        ready: databaseChecks(database),
        close: async () => {
          await app.close();
          await database.close();
        },
      };
    });
  },
});
