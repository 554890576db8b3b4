import { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';

/** How the last connection of a client came about, on the clock of `performance.now()`. */
export interface ConnectTimes {
  began: number;
  /** Undefined: there was no name to look up, or it is not found yet. */
  resolvedAt: number | undefined;
  /** TLS included. */
  connectedAt: number | undefined;
}

/** A request that wants to know about the connection that it is given. */
export interface TimedRequest extends Dispatcher.DispatchOptions {
  connection?: ConnectTimes;
}

/** One connection of a pool, which tells each request how it came about: an assignment for a request on a connection that is there. */
export class TimedClient extends Client {
  private readonly times: ConnectTimes;

  constructor(origin: string | URL, options: Client.Options, connect: buildConnector.connector) {
    const times = noTimes();
    super(origin, { ...options, connect: timed(connect, times) });
    this.times = times;
  }

  override dispatch(request: TimedRequest, handler: Dispatcher.DispatchHandler): boolean {
    request.connection = this.times;
    return super.dispatch(request, handler);
  }
}

export const noTimes = (): ConnectTimes => ({ began: -Infinity, resolvedAt: undefined, connectedAt: undefined });

/** The same, and takes down how each connection comes about. */
export function timed(connect: buildConnector.connector, times: ConnectTimes): buildConnector.connector {
  return (options, callback) => {
    times.began = performance.now();
    times.resolvedAt = undefined;
    times.connectedAt = undefined;
    // Its type says that it returns nothing.
    const socket: unknown = connect(options, (...answer) => {
      if (answer[0] === null) times.connectedAt = performance.now();
      callback(...answer);
    });
    if (socket instanceof Socket) socket.once('lookup', () => (times.resolvedAt = performance.now()));
    return socket;
  };
}
