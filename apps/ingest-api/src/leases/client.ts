import type { ServerResponse } from 'node:http';

/** The other end of one request. */
export interface Client {
  /** Fires when the connection closes, whether or not the answer has left. */
  readonly gone: AbortSignal;
  /** Resolves when the connection has closed or the answer has left: true if all of the answer has left this process. */
  readonly reached: Promise<boolean>;
}

export function clientOf(response: ServerResponse): Client {
  const gone = new AbortController();
  let left = false;
  response.once('finish', () => (left = true));
  const reached = new Promise<boolean>((resolve) => {
    const close = (): void => {
      gone.abort();
      resolve(left);
    };
    if (response.destroyed) close();
    else response.once('close', close);
  });
  return { gone: gone.signal, reached };
}
