import { type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  at: number;
}

export type Answer = (received: Received, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** A consumer: a real HTTP server that keeps what it got and answers as the test says, by default 200. */
export class Sink {
  readonly received: Received[] = [];
  private answer: Answer = (_received, response) => void response.end('ok');

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(answer?: Answer, port = 0, tls?: ServerOptions): Promise<Sink> {
    const options = { keepAliveTimeout: 30_000 };
    const server = tls ? createTlsServer({ ...options, ...tls }) : createServer(options);
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    const sink = new Sink(server, `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/hook`);
    if (answer) sink.answers(answer);
    server.on('request', (request, response) => void sink.take(request, response));
    return sink;
  }

  /** From now on. */
  answers(answer: Answer): void {
    this.answer = answer;
  }

  answersStatus(status: number, headers: Record<string, string> = {}): void {
    this.answer = (_received, response) => void response.writeHead(status, headers).end(`status ${status}`);
  }

  /** Message ids in order of arrival, repeats included. */
  get ids(): string[] {
    return this.received.map(({ headers }) => String(headers['webhook-id']));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const received = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks), at: Date.now() };
      this.received.push(received);
      await this.answer(received, response, request);
    } catch {
      response.destroy();
    }
  }
}
