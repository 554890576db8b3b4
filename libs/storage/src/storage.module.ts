import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Database } from './database.js';
import { ApiKeys } from './registry/api-keys.js';
import { Channels } from './registry/channels.js';
import { Consumers } from './registry/consumers.js';
import { Producers } from './registry/producers.js';

/** One database for a Nest application, with what reads and writes the registry. Whoever opened it closes it, after the application. */
@Module({})
export class StorageModule {
  static over(database: Database): DynamicModule {
    const { dataSource } = database;
    return {
      module: StorageModule,
      imports: [TypeOrmModule.forRootAsync({ useFactory: () => dataSource.options, dataSourceFactory: async () => dataSource })],
      providers: [{ provide: Database, useValue: database }, Channels, Producers, Consumers, ApiKeys],
      exports: [Database, Channels, Producers, Consumers, ApiKeys],
    };
  }
}
