import { randomBytes } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { type TestDatabase, freshDatabase } from './database.js';
import { AppProcess } from './processes.js';
import { Sink, type Answer } from './sink.js';

export const ADMIN_KEY = 'test-admin-key-0123456789';

export interface ApiAnswer<T = never> {
  status: number;
  headers: Headers;
  body: T;
}

/** A whole Posthorn for one test file: a database of its own and real processes on free ports. */
export class Cluster {
  readonly processes: AppProcess[] = [];
  readonly sinks: Sink[] = [];
  ingest!: AppProcess;

  private constructor(
    readonly test: TestDatabase,
    readonly env: Record<string, string>,
  ) {}

  /** With one ingest API and as many dispatchers and schedulers as asked for. */
  static async start(
    counts: { dispatchers?: number; schedulers?: number; ingest?: boolean } = {},
    env: Record<string, string> = {},
    server?: string,
  ): Promise<Cluster> {
    const test = await freshDatabase({ server });
    const cluster = new Cluster(test, {
      DATABASE_URL: test.url,
      POSTHORN_SECRET_KEY: randomBytes(32).toString('base64'),
      POSTHORN_ADMIN_KEY: ADMIN_KEY,
      ALLOWED_TARGETS: '127.0.0.0/8',
      ALLOW_HTTP_TARGETS: 'true',
      ...env,
    });
    const starting = [
      ...Array.from({ length: counts.dispatchers ?? 1 }, () => cluster.startDispatcher()),
      ...Array.from({ length: counts.schedulers ?? 0 }, () => cluster.startScheduler()),
      ...(counts.ingest === false ? [] : [cluster.startIngest()]),
    ];
    const failed = (await Promise.allSettled(starting)).find((one) => one.status === 'rejected');
    if (failed) {
      await cluster.stop();
      throw failed.reason;
    }
    return cluster;
  }

  get database(): TestDatabase['database'] {
    return this.test.database;
  }

  async startIngest(env: Record<string, string> = {}): Promise<AppProcess> {
    this.ingest = await this.add(AppProcess.start('ingest-api', { ...this.env, ...env }));
    return this.ingest;
  }

  startDispatcher(env: Record<string, string> = {}): Promise<AppProcess> {
    return this.add(AppProcess.start('dispatcher', { ...this.env, ...env }));
  }

  startScheduler(env: Record<string, string> = {}): Promise<AppProcess> {
    return this.add(AppProcess.start('failsafe-scheduler', { ...this.env, ...env }));
  }

  get url(): string {
    return `http://127.0.0.1:${this.ingest.field('ingest.ready', 'port')}`;
  }

  /** Any request; a JSON body unless it is bytes or text. */
  async api<T = never>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    key: string | null = ADMIN_KEY,
  ): Promise<ApiAnswer<T>> {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(raw ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: raw ? (body as string | Uint8Array<ArrayBuffer> | undefined) : JSON.stringify(body),
    });
    const text = await response.text();
    const json = (response.headers.get('content-type') ?? '').includes('json');
    return { status: response.status, headers: response.headers, body: (json && text ? JSON.parse(text) : text) as T };
  }

  /** As `api`, but anything else than 2xx fails the test. */
  async ok<T = never>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const answer = await this.api<T>(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async channel(name: string, settings: Record<string, unknown> = {}): Promise<void> {
    await this.ok('PUT', `/v1/channels/${name}`, settings);
  }

  /** A consumer's server, over TLS with `tls`. */
  async sink(answer?: Answer, tls?: ServerOptions): Promise<Sink> {
    const sink = await Sink.open(answer, 0, tls);
    this.sinks.push(sink);
    return sink;
  }

  /** Registers a push consumer and returns its signing secret. */
  async consumer(channel: string, name: string, url: string, settings: Record<string, unknown> = {}): Promise<string> {
    const { signingSecret } = await this.ok<{ signingSecret: string }>('PUT', `/v1/channels/${channel}/consumers/${name}`, {
      type: 'push',
      url,
      ...settings,
    });
    return signingSecret;
  }

  async publish(channel: string, payload: string | Uint8Array, headers: Record<string, string> = {}): Promise<string> {
    const { id } = await this.ok<{ id: string }>('POST', `/v1/channels/${channel}/messages`, payload, {
      'content-type': 'text/plain',
      ...headers,
    });
    return id;
  }

  async delivery(
    channel: string,
    id: string,
    consumer: string,
  ): Promise<{
    status: string;
    attempts: number;
    job: string | null;
    attemptLog: { errorClass: string | null; httpCode: number | null; number: number }[];
  }> {
    return this.ok('GET', `/v1/channels/${channel}/messages/${id}/deliveries/${consumer}`);
  }

  /** Nothing unfinished is left in the hot tables. */
  async idle(): Promise<boolean> {
    const [row] = await this.database.query<{ n: string }[]>(
      'SELECT (SELECT COUNT(*) FROM ready) + (SELECT COUNT(*) FROM retry) + (SELECT COUNT(*) FROM fanout) + (SELECT COUNT(*) FROM key_waiting) + (SELECT COUNT(*) FROM fanout_waiting) AS n',
    );
    return row!.n === '0';
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.kill()));
    await Promise.all(this.sinks.map((sink) => sink.close()));
    await this.test.drop();
  }

  private async add(starting: Promise<AppProcess>): Promise<AppProcess> {
    const started = await starting;
    this.processes.push(started);
    return started;
  }
}
