import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { readSchedulerConfig } from '@app/config';
import { createRegistry, demandNone, createSchedulerMetrics, NestLog, runProcess, startOpsServer } from '@app/runtime';
import { Database, databaseChecks } from '@app/storage';
import { Scheduler } from './scheduler.js';
import { SchedulerModule } from './scheduler.module.js';

await runProcess({
  name: 'scheduler',
  env: process.env,
  readConfig: readSchedulerConfig,
  start: async (config, log) => {
    const registry = createRegistry();
    const metrics = createSchedulerMetrics(registry);
    const app = await NestFactory.createApplicationContext(SchedulerModule.of({ config, metrics, log }), {
      logger: new NestLog(log),
      abortOnError: false,
    });
    const scheduler = app.get(Scheduler);
    const ops = await startOpsServer({
      host: config.opsHost,
      port: config.opsPort,
      registry,
      log,
      live: () => scheduler.stale(),
      ready: [...databaseChecks(app.get(Database)), { name: 'loops', check: async () => demandNone(scheduler.stale()) }],
    });
    log.info({ opsPort: ops.port }, 'scheduler.ready');
    return {
      close: async () => {
        await app.close();
        await ops.close();
      },
    };
  },
});
