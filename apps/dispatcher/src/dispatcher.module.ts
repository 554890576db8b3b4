import { type DynamicModule, Module } from '@nestjs/common';
import { StorageModule } from '@app/storage';
import { Dispatcher, type DispatcherParts, PARTS } from './dispatcher.js';

@Module({})
export class DispatcherModule {
  static of(parts: DispatcherParts): DynamicModule {
    const { config, metrics } = parts;
    const onRetry = (transaction: string, code: string): void => metrics.transactionRetries.inc({ transaction, code });
    return {
      module: DispatcherModule,
      imports: [StorageModule.forRoot({ url: config.databaseUrl, poolSize: config.databasePool, onRetry })],
      providers: [{ provide: PARTS, useValue: parts }, Dispatcher],
    };
  }
}
