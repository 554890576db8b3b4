import mysql2 from 'mysql2';
import type { Socket } from 'node:net';
import { NoConnectionError } from './errors.js';

/**
 * Logs in and runs `session`, the statements that every connection begins with. Rejects with {@link NoConnectionError} when that fails or takes
 * longer than the `connectTimeout` (ms) of `options`: a server that takes connections and says nothing is as good as none.
 */
export function openConnection(options: mysql2.ConnectionOptions, session: readonly string[]): Promise<mysql2.Connection> {
  return new Promise((resolve, reject) => {
    const connection = mysql2.createConnection(options);
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      cutOff(connection);
      reject(new NoConnectionError(error));
    };
    // An error that comes when nobody waits for it would end the process.
    connection.on('error', fail);
    const timer = setTimeout(
      () => fail(Object.assign(new Error(`the server did not answer in ${options.connectTimeout} ms`), { code: 'ETIMEDOUT' })),
      options.connectTimeout,
    );
    connection.connect((error) => {
      if (error) return fail(error);
      let left = session.length;
      for (const statement of session) {
        connection.query(statement, (refused) => {
          if (refused) return fail(refused);
          if (--left > 0) return;
          clearTimeout(timer);
          resolve(connection);
        });
      }
    });
  });
}

/** Ends a connection at once, whatever waits for an answer on it; the driver's own `destroy` leaves both hanging when the server says nothing. */
export function cutOff(connection: mysql2.Connection): void {
  streamOf(connection).destroy(Object.assign(new Error('the connection was given up'), { code: 'ECONNABORTED' }));
}

/** The socket under a connection, which the driver's types leave out. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
export const streamOf = (connection: mysql2.Connection): Socket => (connection as unknown as { stream: Socket }).stream;
