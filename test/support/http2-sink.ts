import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type SecureServerOptions,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { pem } from './certificates.js';

export interface Heard {
  id: string;
  body: string;
  headers: Http2ServerRequest['headers'];
  httpVersion: string;
  /** Of the connection, from 1. */
  connection: number;
}

export type Http2Answer = (heard: Heard, response: Http2ServerResponse, request: Http2ServerRequest) => void;

/** A consumer that speaks HTTP/2 over TLS, and HTTP/1.1 with those that do not offer it. */
export class Http2Sink {
  readonly heard: Heard[] = [];
  /** Most requests under way at once on any connection. */
  mostAtOnce = 0;
  private answer: Http2Answer = (_heard, response) => void response.end('ok');
  private readonly sockets = new Map<Socket, { number: number; open: number }>();
  private connected = 0;

  private constructor(
    private readonly server: Http2SecureServer,
    readonly url: string,
  ) {
    server.on('secureConnection', (socket: Socket) => {
      this.sockets.set(socket, { number: ++this.connected, open: 0 });
      socket.on('error', () => undefined);
    });
    server.on('sessionError', () => undefined);
    // A request that breaks off is none.
    server.on('request', (request, response) => void this.take(request, response).catch(() => undefined));
  }

  static async open(options: SecureServerOptions = {}): Promise<Http2Sink> {
    const server = createSecureServer({ cert: pem('server.pem'), key: pem('server.key'), allowHTTP1: true, ...options });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Http2Sink(server, `https://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=b`);
  }

  answers(answer: Http2Answer): void {
    this.answer = answer;
  }

  get connections(): number {
    return this.connected;
  }

  get ids(): string[] {
    return this.heard.map(({ id }) => id);
  }

  /** As when a machine or a proxy in between goes away. */
  breakOff(connection: number): void {
    for (const [socket, { number }] of this.sockets) if (number === connection) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets.keys()) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const place = this.placeOf(request);
    place.open++;
    this.mostAtOnce = Math.max(this.mostAtOnce, place.open);
    response.on('close', () => place.open--);
    request.on('error', () => undefined);
    response.stream?.on('error', () => undefined);
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    const { headers, httpVersion } = request;
    const heard = { id: String(headers['webhook-id']), body, headers, httpVersion, connection: place.number };
    this.heard.push(heard);
    this.answer(heard, response, request);
  }

  /** The socket of a session is a proxy of the real one: they have the port of the client in common. */
  private placeOf({ socket }: Http2ServerRequest): { number: number; open: number } {
    for (const [own, place] of this.sockets) if (own.remotePort === socket.remotePort) return place;
    throw new Error('a request came from nowhere');
  }
}
