import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Database, type DatabaseOptions, dataSourceOptions } from './database.js';
import { ApiKeys } from './registry/api-keys.js';
import { Channels } from './registry/channels.js';
import { Consumers } from './registry/consumers.js';
import { Producers } from './registry/producers.js';

/** One database for a Nest application: open before anything that is given it, closed in `onApplicationShutdown`, when all loops have stopped. */
@Module({})
export class StorageModule {
  static forRoot(options: DatabaseOptions): DynamicModule {
    return {
      module: StorageModule,
      imports: [TypeOrmModule.forRootAsync({ useFactory: () => ({ ...dataSourceOptions(options), retryAttempts: 0 }) })],
      providers: [
        { provide: Database, inject: [DataSource], useFactory: (dataSource: DataSource) => Database.over(dataSource, options) },
        Channels,
        Producers,
        Consumers,
        ApiKeys,
      ],
      exports: [Database, Channels, Producers, Consumers, ApiKeys],
    };
  }
}
