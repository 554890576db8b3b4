import { type Socket, createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Log } from './log.js';

/**
 * A nudge is one UDP datagram that says which consumers may have something to do: `PHN1`, then their ids as 32-bit big-endian numbers; no id at all
 * means "look everywhere". It may be lost, repeated, late or forged: it only makes a process look at the database sooner.
 */
const MAGIC = Buffer.from('PHN1');
const MAX_IDS = 300;
/** Shortest time between two datagrams to the same process. */
const DEBOUNCE_MS = 5;

export function encodeNudge(consumerIds: readonly number[]): Buffer {
  const datagram = Buffer.alloc(MAGIC.length + 4 * consumerIds.length);
  MAGIC.copy(datagram);
  for (const [index, id] of consumerIds.entries()) datagram.writeUInt32BE(id, MAGIC.length + 4 * index);
  return datagram;
}

/** The consumers that a datagram names, or undefined when it is not a nudge. */
export function decodeNudge(datagram: Buffer): number[] | undefined {
  const bytes = datagram.length - MAGIC.length;
  if (bytes < 0 || bytes % 4 !== 0 || bytes > 4 * MAX_IDS || !datagram.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  return Array.from({ length: bytes / 4 }, (_, index) => datagram.readUInt32BE(MAGIC.length + 4 * index));
}

/** Sends nudges: at once, then at most one in 5 ms with all that came meanwhile. Never throws, never waits. */
export class NudgeSender {
  private readonly socket: Socket;
  private readonly waiting = new Set<number>();
  private everywhere = false;
  private addresses: { host: string; port: number }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private sentAt = -Infinity;

  constructor() {
    this.socket = createSocket('udp4').on('error', () => undefined);
    this.socket.unref();
  }

  /** `host:port` of every process that is to hear. */
  setAddresses(addresses: readonly string[]): void {
    this.addresses = addresses.flatMap((address) => {
      const [host, port] = address.split(':');
      return host && port ? [{ host, port: Number(port) }] : [];
    });
  }

  /** Names consumers that may have something to do; an empty list means look everywhere. */
  nudge(consumerIds: readonly number[]): void {
    if (consumerIds.length === 0 || this.waiting.size + consumerIds.length > MAX_IDS) this.everywhere = true;
    else for (const id of consumerIds) this.waiting.add(id);
    this.timer ??= setTimeout(() => this.flush(), Math.max(0, this.sentAt + DEBOUNCE_MS - performance.now()));
  }

  close(): void {
    clearTimeout(this.timer);
    this.socket.close();
  }

  private flush(): void {
    const datagram = encodeNudge(this.everywhere ? [] : [...this.waiting]);
    this.waiting.clear();
    this.everywhere = false;
    this.timer = undefined;
    this.sentAt = performance.now();
    for (const { host, port } of this.addresses) this.socket.send(datagram, port, host, () => undefined);
  }
}

/** Hears nudges on a UDP port; `address` is what the others send to. */
export class NudgeListener {
  private constructor(
    private readonly socket: Socket,
    readonly address: string,
  ) {}

  /** `host` `auto` listens on all interfaces and gives the first address that is not loopback. Rejects when the port is taken. */
  static async listen(host: string, port: number, heard: (consumerIds: readonly number[]) => void, log: Log): Promise<NudgeListener> {
    const reachable = host === 'auto' ? firstAddress() : host;
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, reachable, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    socket.on('error', (error) => log.warn({ err: error }, 'nudge.error'));
    socket.on('message', (datagram) => {
      const consumerIds = decodeNudge(datagram);
      if (consumerIds) heard(consumerIds);
    });
    return new NudgeListener(socket, `${reachable}:${socket.address().port}`);
  }

  close(): void {
    this.socket.close();
  }
}

function firstAddress(): string {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return found.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}
