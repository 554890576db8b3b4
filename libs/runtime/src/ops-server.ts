import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TerminusModule } from '@nestjs/terminus';
import { Registry } from 'prom-client';
import type { Log } from './log.js';
import { NestLog } from './nest-log.js';
import { OpsController, Probes, type ReadyCheck } from './ops-controller.js';

export type OpsServerOptions = {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly registry: Registry;
  /** What is wrong inside the process, such as loops that stand still; empty when it is alive. */
  readonly live: () => readonly string[];
  /** What the process cannot do without at the moment. */
  readonly ready: () => readonly ReadyCheck[];
  readonly log: Log;
};

export type OpsServer = { readonly port: number; close(): Promise<void> };

@Module({})
class OpsModule {
  static of({ live, ready, registry }: OpsServerOptions): DynamicModule {
    return {
      module: OpsModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [OpsController],
      providers: [
        { provide: Probes, useValue: new Probes(live, ready) },
        { provide: Registry, useValue: registry },
      ],
    };
  }
}

/** Health and metrics on a port of their own: GET `/health/live`, `/health/ready`, `/metrics`, nothing else. Rejects when it cannot listen. */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const adapter = new FastifyAdapter({ bodyLimit: 1024, requestTimeout: 10_000, connectionTimeout: 30_000, forceCloseConnections: true });
  const app = await NestFactory.create<NestFastifyApplication>(OpsModule.of(options), adapter, {
    logger: new NestLog(options.log),
    abortOnError: false,
  });
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw error;
  }
  return { port: portOf(app.getHttpServer().address()), close: () => app.close() };
}

const portOf = (address: AddressInfo | string | null): number => (typeof address === 'object' && address !== null ? address.port : 0);
