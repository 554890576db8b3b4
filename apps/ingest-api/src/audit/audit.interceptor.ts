import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { Problem } from '@app/domain';
import type { IngestMetrics, Log } from '@app/runtime';
import { type Audit, Database, Node } from '@app/storage';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, concatMap, type Observable } from 'rxjs';
import { problemFor } from '../http/ingest-filter.js';
import { auditOf } from './audited.js';

export const AUDIT_PARTS = Symbol('audit parts');
export interface AuditParts {
  metrics: IngestMetrics;
  log: Log;
}

/**
 * Sees to it that every management write has its audit row. Most are recorded by the transaction that makes the change; what was not is recorded
 * here after it, and if that fails the answer is an error, so that nobody takes the write for done.
 */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(
    private readonly database: Database,
    private readonly node: Node,
    @Inject(AUDIT_PARTS) private readonly parts: AuditParts,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest<{ Params: Partial<Record<string, string>> }>>();
    if (request.method === 'GET' || request.method === 'HEAD') return next.handle();
    const audit = auditOf(request, this.node.mint());
    request.audit = audit;
    return next.handle().pipe(
      catchError(async (error: unknown) => this.failed(audit, error)),
      concatMap(async (answer: unknown) => {
        await this.succeeded(audit, http.getResponse<FastifyReply>().statusCode);
        return answer;
      }),
    );
  }

  private async succeeded(audit: Audit, status: number): Promise<void> {
    try {
      await audit.succeeded(this.database, status);
    } catch (error) {
      this.unrecorded(audit, status, error);
      throw new Problem('internal', 'it was done, but could not be recorded in the audit', { cause: error });
    }
  }

  /** Nothing has changed, or its transaction has recorded it: a row that cannot be written is only a line in the log. */
  private async failed(audit: Audit, error: unknown): Promise<never> {
    const { status } = problemFor(error);
    await audit.failed(this.database, status).catch((cause: unknown) => this.unrecorded(audit, status, cause));
    throw error;
  }

  private unrecorded(audit: Audit, status: number, error: unknown): void {
    this.parts.metrics.unaudited.inc();
    this.parts.log.error({ ...audit.entry, status, err: error }, 'management.not-audited');
  }
}
