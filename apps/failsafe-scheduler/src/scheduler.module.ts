import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { StorageModule } from '@app/storage';
import { PARTS, Scheduler, type SchedulerParts } from './scheduler.js';

@Module({})
export class SchedulerModule {
  static of(parts: SchedulerParts): DynamicModule {
    const { config, metrics } = parts;
    const onRetry = (transaction: string, code: string): void => metrics.transactionRetries.inc({ transaction, code });
    return {
      module: SchedulerModule,
      imports: [ScheduleModule.forRoot(), StorageModule.forRoot({ url: config.databaseUrl, poolSize: config.databasePool, onRetry })],
      providers: [{ provide: PARTS, useValue: parts }, Scheduler],
    };
  }
}
