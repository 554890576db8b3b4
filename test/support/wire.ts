import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

type Mode = 'passes' | 'resets' | 'says nothing';

/** The network between processes and their database, which a test can cut in several ways, on any server. */
export class Wire {
  /** Connections that were asked for, those in vain too; not those that met a closed port. */
  connections = 0;
  /** Times that a process sent something to the database. */
  requests = 0;
  private mode: Mode = 'passes';
  private readonly pairs = new Set<{ client: Socket; upstream: Socket | undefined }>();

  private constructor(
    private readonly server: Server,
    /** The database at the end of the wire. */
    readonly url: string,
    private readonly port: number,
    private to: { host: string; port: number },
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async open(databaseUrl: string): Promise<Wire> {
    const target = new URL(databaseUrl);
    const server = createServer();
    await listen(server, 0);
    const { port } = server.address() as AddressInfo;
    const through = new URL(databaseUrl);
    through.hostname = '127.0.0.1';
    through.port = String(port);
    return new Wire(server, through.href, port, { host: target.hostname, port: Number(target.port || 3306) });
  }

  /** As when the server is down: connections are reset, new ones refused. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.reset();
    await closed;
  }

  /** As when a proxy is there and the server behind it is not: connections are reset, new ones too, which `connections` counts. */
  cut(): void {
    this.mode = 'resets';
    this.reset();
  }

  /** As when packets are swallowed, or the server is frozen: everything seems to be sent, and nothing comes back. What was sent meanwhile is lost. */
  hang(): void {
    this.mode = 'says nothing';
    for (const { client, upstream } of this.pairs) {
      client.removeAllListeners('data').on('data', () => undefined);
      upstream?.removeAllListeners('data').on('data', () => undefined);
    }
  }

  /** New connections pass again. */
  async restore(): Promise<void> {
    this.mode = 'passes';
    if (!this.server.listening) await listen(this.server, this.port);
  }

  async close(): Promise<void> {
    this.reset();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  private reset(): void {
    for (const { client, upstream } of this.pairs) {
      client.resetAndDestroy();
      upstream?.destroy();
    }
  }

  private join(client: Socket): void {
    this.connections++;
    client.on('error', () => undefined);
    if (this.mode === 'resets') {
      client.resetAndDestroy();
      return;
    }
    const upstream = this.mode === 'passes' ? connect(this.to) : undefined;
    const pair = { client, upstream };
    this.pairs.add(pair);
    client.on('close', () => {
      this.pairs.delete(pair);
      upstream?.destroy();
    });
    client.setNoDelay(true).on('data', (bytes) => {
      this.requests++;
      upstream?.write(bytes);
    });
    upstream
      ?.setNoDelay(true)
      .on('error', () => client.destroy())
      .on('close', () => client.destroy())
      .on('data', (bytes) => client.write(bytes));
  }
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
