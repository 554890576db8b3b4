export interface PrivateServer {
  /** mysql://user:password@127.0.0.1:port, without a database; the user may do everything. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  alive(): boolean;
  /** Clean shutdown; resolves when the process is gone: true when it ended by itself. */
  stop(): Promise<boolean>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

export interface ServerBinary {
  readonly file: string;
  readonly mariadb: boolean;
  readonly version: string;
}

/** A server of its own in `dir`, made when it is new; starting again in the same `dir` finds the same data. */
export function startPrivateServer(options: { dir: string; port?: number; signal?: AbortSignal }): Promise<PrivateServer>;

/** The mysqld or mariadbd on this machine that `startPrivateServer` would use. */
export function findServerBinary(): ServerBinary | undefined;
