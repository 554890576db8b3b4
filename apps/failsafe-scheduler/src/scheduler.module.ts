import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { type Database, StorageModule } from '@app/storage';
import { PARTS, Scheduler, type SchedulerParts } from './scheduler.js';

@Module({})
export class SchedulerModule {
  static of(parts: SchedulerParts, database: Database): DynamicModule {
    return {
      module: SchedulerModule,
      imports: [ScheduleModule.forRoot(), StorageModule.over(database)],
      providers: [{ provide: PARTS, useValue: parts }, Scheduler],
    };
  }
}
