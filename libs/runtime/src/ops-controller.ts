import { Controller, Get, Header, HttpCode } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { Registry } from 'prom-client';

/** Something the process cannot do without, such as the database. `check` throws or rejects when it is not there. */
export type ReadyCheck = { readonly name: string; readonly check: () => Promise<void> };

/** What the operations port asks: `live` names what is wrong inside the process, nothing outside it. */
export class Probes {
  constructor(
    readonly live: () => readonly string[],
    readonly ready: () => readonly ReadyCheck[],
  ) {}
}

const READY_TIMEOUT_MS = 2000;

/** Fails a check with what is wrong, if anything is. */
export function demandNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.join('; '));
}

@Controller()
export class OpsController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly probes: Probes,
    private readonly registry: Registry,
  ) {}

  /** 200 while every loop lives, else 503. Never asks the database: a restart would not bring it back. */
  @Get('health/live')
  @HttpCode(200)
  @HealthCheck()
  live() {
    const problems = this.probes.live();
    const loops = this.indicators.check('loops');
    return this.health.check([() => (problems.length === 0 ? loops.up() : loops.down({ problems }))]);
  }

  /** 200 when every check passes within 2 s, else 503. */
  @Get('health/ready')
  @HttpCode(200)
  @HealthCheck()
  ready() {
    const attempts = this.probes.ready().map(
      ({ name, check }) =>
        async () =>
          this.indicators
            .check(name)
            .attempt(() => check())
            .withTimeout(READY_TIMEOUT_MS),
    );
    return this.health.check(attempts);
  }

  /** Prometheus text format 0.0.4. */
  @Get('metrics')
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  metrics(): Promise<string> {
    return this.registry.metrics();
  }
}
