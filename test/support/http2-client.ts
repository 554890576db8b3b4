import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders, type SecureClientSessionOptions } from 'node:http2';

export interface Http2Answer<T> {
  status: number;
  headers: IncomingHttpHeaders;
  body: T;
}

/** A client that speaks HTTP/2 and nothing else. */
export class Http2Client {
  private constructor(readonly session: ClientHttp2Session) {}

  /** Resolves once both sides have said what they allow. */
  static async open(url: string, options: SecureClientSessionOptions = {}): Promise<Http2Client> {
    const session = connect(url, options);
    await new Promise<void>((resolve, reject) => session.once('remoteSettings', () => resolve()).once('error', reject));
    session.off('error', () => undefined).on('error', () => undefined);
    return new Http2Client(session);
  }

  /** Rejects when the stream was reset before its answer. */
  ask<T = never>(
    method: string,
    path: string,
    body: string | Uint8Array = '',
    headers: Record<string, string> = {},
  ): Promise<Http2Answer<T>> {
    const stream = this.session.request({ ':method': method, ':path': path, ...headers }, { endStream: body.length === 0 });
    return new Promise((resolve, reject) => {
      let answer: IncomingHttpHeaders | undefined;
      let text = '';
      stream.setEncoding('utf8');
      stream.on('response', (given) => (answer = given));
      stream.on('data', (chunk: string) => (text += chunk));
      stream.on('error', reject);
      const end = (): void => {
        if (!answer) return reject(new Error(`the stream was closed with ${stream.rstCode}`));
        const json = (answer['content-type'] ?? '').includes('json');
        resolve({ status: Number(answer[constants.HTTP2_HEADER_STATUS]), headers: answer, body: (json ? JSON.parse(text) : text) as T });
      };
      // A stream whose body was not wanted to its end does not close here by itself.
      stream.on('end', end).on('close', end);
      if (body.length > 0) stream.end(body);
    });
  }

  get closed(): boolean {
    return this.session.closed || this.session.destroyed;
  }

  close(): void {
    this.session.destroy();
  }
}
