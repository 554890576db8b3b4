import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What an HTTP/2 client sends first (RFC 9113, 3.4): no HTTP/1.1 request begins like it. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface Protocols {
  /** Takes over a connection that speaks HTTP/2. */
  readonly http2: (socket: Socket) => void;
  /** Ends a connection that has said nothing, or too little, for `withinMs`. */
  readonly silent: (socket: Socket) => void;
  readonly withinMs: number;
}

/**
 * Lets a server of HTTP/1.1 pass on the connections that speak HTTP/2: over TLS as ALPN says, otherwise by their first bytes (prior knowledge). It is decided once for
 * each connection, so that its requests cost what they did. Answers a function that ends the connections that have not said yet what they speak.
 */
export function splitProtocols(server: HttpServer | HttpsServer, protocols: Protocols): () => void {
  const secure = isHttps(server);
  const event = secure ? 'secureConnection' : 'connection';
  const [http1] = server.listeners(event);
  if (!http1) throw new Error(`the server does not listen for ${event}`);
  server.removeAllListeners(event);
  if (secure) {
    server.on(event, (socket: TLSSocket) => (socket.alpnProtocol === 'h2' ? protocols.http2(socket) : http1.call(server, socket)));
    return () => undefined;
  }
  const undecided = new Set<Socket>();
  server.on(event, (socket: Socket) => {
    undecided.add(socket);
    sniff(socket, protocols, (isHttp2) => {
      undecided.delete(socket);
      if (isHttp2 === undefined) return;
      if (isHttp2) protocols.http2(socket);
      else {
        http1.call(server, socket);
        socket.resume();
      }
    });
  });
  return () => {
    for (const socket of undecided) socket.destroy();
  };
}

/** Reads until it is clear what is spoken, and puts back what was read. Undefined: the connection has ended. */
function sniff(socket: Socket, { silent, withinMs }: Protocols, decided: (isHttp2: boolean | undefined) => void): void {
  let seen: Buffer | undefined;
  const decide = (isHttp2: boolean | undefined): void => {
    clearTimeout(timer);
    socket.off('data', onData).off('close', onClose).off('error', onError);
    decided(isHttp2);
  };
  const onData = (chunk: Buffer): void => {
    seen = seen ? Buffer.concat([seen, chunk]) : chunk;
    const compared = Math.min(seen.length, PREFACE.length);
    const alike = seen.subarray(0, compared).equals(PREFACE.subarray(0, compared));
    if (alike && compared < PREFACE.length) return;
    socket.pause();
    socket.unshift(seen);
    decide(alike);
  };
  const onClose = (): void => decide(undefined);
  const onError = (): void => void socket.destroy();
  const timer = setTimeout(() => {
    decide(undefined);
    silent(socket);
  }, withinMs);
  socket.on('data', onData).on('close', onClose).on('error', onError);
}

export const isHttps = (server: HttpServer | HttpsServer): server is HttpsServer => 'setSecureContext' in server;
