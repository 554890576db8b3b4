import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { isWholeAnswer } from '../../tools/torture/server-answer.mjs';

/** `transaction` holds the statements of the connection since its last START TRANSACTION, this one excluded. */
export type Matches = (sql: string, transaction: readonly string[]) => boolean;

/** A statement or its answer that the proxy has stopped; nothing moves on its connection until one of these is called. */
export interface Caught {
  pass(): void;
  /** Resets the client's connection and closes the server's. */
  cut(): void;
  /** Answers in the server's place that it failed. Only for a statement, which the server then never sees. */
  refuse(errno: number, message: string): void;
}

interface Trap {
  matches: Matches;
  at: 'statement' | 'answer';
  caught: (caught: Caught) => void;
}

const COM_QUERY = 3;
/** What MySQL 8 puts between the command and the text when a query has no attributes. */
const NO_ATTRIBUTES = Buffer.from([0, 1]);

/** A COMMIT of a transaction that has a statement with this in it. */
export const commitOf =
  (part: string): Matches =>
  (sql, transaction) =>
    sql === 'COMMIT' && transaction.some((statement) => statement.includes(part));

/** Stands between one process and its database, and stops it at a chosen statement: what a crash or a cut cable does, at a moment of the test's choice. */
export class DatabaseProxy {
  private traps: Trap[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    /** The database through this proxy. */
    readonly url: string,
    private readonly to: { host: string; port: number },
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async open(databaseUrl: string): Promise<DatabaseProxy> {
    const target = new URL(databaseUrl);
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const through = new URL(databaseUrl);
    through.hostname = '127.0.0.1';
    through.port = String((server.address() as AddressInfo).port);
    return new DatabaseProxy(server, through.href, { host: target.hostname, port: Number(target.port || 3306) });
  }

  /** Stops the next statement that matches before it reaches the server. */
  catchStatement(matches: Matches): Promise<Caught> {
    return this.trap('statement', matches);
  }

  /** Passes the next statement that matches on and stops the server's answer: when this resolves, the statement and those in the same packet have taken effect. */
  catchAnswer(matches: Matches): Promise<Caught> {
    return this.trap('answer', matches);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private trap(at: Trap['at'], matches: Matches): Promise<Caught> {
    return new Promise((caught) => this.traps.push({ matches, at, caught }));
  }

  private join(client: Socket): void {
    const upstream = connect(this.to);
    const cut = (): void => {
      client.resetAndDestroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    new Link(client, upstream, cut, (sql, transaction) => this.sprung(sql, transaction)).begin();
  }

  private sprung(sql: string, transaction: readonly string[]): Trap | undefined {
    const found = this.traps.find((trap) => trap.matches(sql, transaction));
    if (found) this.traps = this.traps.filter((trap) => trap !== found);
    return found;
  }
}

/** One connection, seen packet by packet (three bytes of length, one of sequence) on its way to the server. */
class Link {
  private pending: Buffer = Buffer.alloc(0);
  private transaction: string[] = [];
  /** Set while a statement waits; it and what comes after it. */
  private stopped: Buffer[] | undefined;
  /** Set while an answer is awaited or waits. */
  private answer: { trap: Trap; held: Buffer[] } | undefined;

  constructor(
    private readonly client: Socket,
    private readonly upstream: Socket,
    private readonly cut: () => void,
    private readonly sprung: (sql: string, transaction: readonly string[]) => Trap | undefined,
  ) {}

  begin(): void {
    this.client.on('data', (bytes) => this.toServer(bytes));
    this.upstream.on('data', (bytes) => this.toClient(bytes));
  }

  private toClient(bytes: Buffer): void {
    if (!this.answer) {
      this.client.write(bytes);
      return;
    }
    const { trap, held } = this.answer;
    const wasWhole = isWholeAnswer(Buffer.concat(held));
    held.push(bytes);
    const pass = (): void => {
      this.answer = undefined;
      for (const chunk of held) this.client.write(chunk);
    };
    const refuse = (): never => {
      throw new Error('the server has answered already');
    };
    // Several statements may have come in one packet, and are answered one by one.
    if (!wasWhole && isWholeAnswer(Buffer.concat(held))) trap.caught({ pass, cut: this.cut, refuse });
  }

  private toServer(bytes: Buffer): void {
    this.pending = Buffer.concat([this.pending, bytes]);
    while (this.pending.length >= 4 && this.pending.length >= 4 + this.pending.readUIntLE(0, 3)) {
      const end = 4 + this.pending.readUIntLE(0, 3);
      const packet = this.pending.subarray(0, end);
      this.pending = this.pending.subarray(end);
      if (this.stopped) this.stopped.push(packet);
      else this.send(packet);
    }
  }

  private send(packet: Buffer): void {
    let trap: Trap | undefined;
    for (const sql of statementsIn(packet)) {
      trap ??= this.sprung(sql, this.transaction);
      if (sql === 'START TRANSACTION') this.transaction = [];
      else this.transaction.push(sql);
    }
    if (trap?.at === 'statement') {
      this.stopped = [packet];
      const pass = (): void => {
        const waiting = this.stopped ?? [];
        this.stopped = undefined;
        for (const one of waiting) this.upstream.write(one);
      };
      const refuse = (errno: number, message: string): void => {
        this.stopped = undefined;
        this.client.write(errorPacket(errno, message));
      };
      return trap.caught({ pass, cut: this.cut, refuse });
    }
    if (trap) this.answer = { trap, held: [] };
    this.upstream.write(packet);
  }
}

/** The first packet of an answer: an error, with the SQLSTATE of errors that have none of their own. */
function errorPacket(errno: number, message: string): Buffer {
  const body = Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(`#HY000${message}`)]);
  const header = Buffer.alloc(4);
  header.writeUIntLE(body.length, 0, 3);
  header[3] = 1;
  return Buffer.concat([header, body]);
}

/** Quoted text, which may hold anything, and what ends a statement. */
const QUOTED_OR_END = /'(?:[^'\\]|\\.|'')*'|;/gs;

/** The statements of a query, which may be several; none for a packet of any other kind. */
function statementsIn(packet: Buffer): string[] {
  if (packet[3] !== 0 || packet[4] !== COM_QUERY) return [];
  const text = packet.subarray(5);
  const sql = (text.subarray(0, 2).equals(NO_ATTRIBUTES) ? text.subarray(2) : text).toString('utf8');
  const ends = [...sql.matchAll(QUOTED_OR_END)].filter(([found]) => found === ';').map(({ index }) => index);
  return [...ends, sql.length].map((end, at) => sql.slice(at === 0 ? 0 : ends[at - 1]! + 1, end).trim());
}
