import { type DynamicModule, Module } from '@nestjs/common';
import { type Database, StorageModule } from '@app/storage';
import { Dispatcher, type DispatcherParts, PARTS } from './dispatcher.js';

@Module({})
export class DispatcherModule {
  static of(parts: DispatcherParts, database: Database): DynamicModule {
    return {
      module: DispatcherModule,
      imports: [StorageModule.over(database)],
      providers: [{ provide: PARTS, useValue: parts }, Dispatcher],
    };
  }
}
