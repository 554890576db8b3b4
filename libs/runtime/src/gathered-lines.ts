import { type DestinationStream, destination } from 'pino';

const MAX_CHARACTERS = 65_536;
const MAX_WAIT_MS = 100;

interface Sink extends DestinationStream {
  flushSync(): void;
}

/**
 * Writes log lines together, after at most 100 ms, without blocking; what waits is written when the process exits. pino's own destination measures and
 * copies what waits at every line and wakes a thread for every few: 8 % of a busy dispatcher's CPU.
 */
export class GatheredLines implements DestinationStream {
  private lines: string[] = [];
  private characters = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly sink: Sink;

  constructor(open: () => Sink = () => destination({ dest: 1, sync: false })) {
    // Before the sink's own, which closes it.
    process.once('exit', () => this.flushSync());
    this.sink = open();
  }

  write(line: string): void {
    this.lines.push(line);
    this.characters += line.length;
    if (this.characters >= MAX_CHARACTERS) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), MAX_WAIT_MS).unref();
  }

  /** For the last lines of a process: pino calls it after `fatal`. */
  flushSync(): void {
    this.flush();
    this.sink.flushSync();
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines.length === 0) return;
    const text = this.lines.join('');
    this.lines = [];
    this.characters = 0;
    this.sink.write(text);
  }
}
