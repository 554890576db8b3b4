import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

/** The other end of one request. */
export interface Client {
  /** Fires when the connection closes, whether or not the answer has left. */
  readonly gone: AbortSignal;
  /** Resolves when the connection has closed or the answer has left: true if all of the answer has left this process. */
  readonly reached: Promise<boolean>;
}

export function clientOf(response: ServerResponse | Http2ServerResponse): Client {
  // The answer of HTTP/2 says `finish` when its stream has closed, for whatever reason.
  const out = 'stream' in response ? response.stream : response;
  const gone = new AbortController();
  let left = false;
  out.once('finish', () => (left = true));
  const reached = new Promise<boolean>((resolve) => {
    const close = (): void => {
      gone.abort();
      resolve(left);
    };
    if (out.destroyed) close();
    else out.once('close', close);
  });
  return { gone: gone.signal, reached };
}
