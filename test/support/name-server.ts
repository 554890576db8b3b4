import { createSocket, type Socket } from 'node:dgram';

/** Addresses that a name has now; undefined: there is no such name. */
export type Names = (name: string, query: { type: 'A' | 'AAAA'; count: number }) => readonly string[] | undefined;

const TYPES: Record<number, 'A' | 'AAAA' | undefined> = { 1: 'A', 28: 'AAAA' };

/** A name server on UDP that answers as the test says, anew for each query, with a time to live of 0. */
export class NameServer {
  readonly queries: string[] = [];

  private constructor(
    private readonly socket: Socket,
    private readonly names: Names,
  ) {}

  static async open(names: Names, port = 0): Promise<NameServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
    const server = new NameServer(socket, names);
    socket.on('message', (query, from) => socket.send(server.answer(query), from.port, from.address));
    return server;
  }

  /** For DNS_SERVERS. */
  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  close(): void {
    this.socket.close();
  }

  /** RFC 1035, 4.1: header, the question as it came, and the answers, whose name points at the question's. */
  private answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at]!; length > 0; length = query[at]!) {
      labels.push(query.toString('ascii', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    const type = TYPES[query.readUInt16BE(at + 1)];
    this.queries.push(`${type} ${name}`);
    const count = this.queries.filter((one) => one === `${type} ${name}`).length;
    const found = type && this.names(name, { type, count });
    const mine = (found ?? []).filter((address) => address.includes(':') === (type === 'AAAA'));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(found ? 0x8580 : 0x8583, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(mine.length, 6);
    return Buffer.concat([header, query.subarray(12, at + 5), ...mine.map(record)]);
  }
}

function record(address: string): Buffer {
  const data = address.includes(':') ? bytesOf6(address) : Buffer.from(address.split('.').map(Number));
  const head = Buffer.from([0xc0, 0x0c, 0, data.length === 16 ? 28 : 1, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([head, data]);
}

/** Eight groups of hex digits, `::` for those that are left out. */
function bytesOf6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const [left, right] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const middle = Array.from({ length: 8 - left!.length - right!.length }, () => '0');
  return Buffer.from([...left!, ...middle, ...right!].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
