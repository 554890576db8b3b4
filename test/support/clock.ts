import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Runs before anything else of a process: its wall clock is off by what a file says. The monotonic clock is not touched, as when a clock is set. */
const shifted = (file: string): string => `
import { readFileSync } from 'node:fs';
const RealDate = Date;
let offset = 0;
const read = () => { offset = Number(readFileSync(${JSON.stringify(file)}, 'utf8')); };
read();
setInterval(read, 20).unref();
globalThis.Date = class extends RealDate {
  constructor(...given) { if (given.length === 0) super(RealDate.now() + offset); else super(...given); }
  static now() { return RealDate.now() + offset; }
};
`;

/** The wall clock of the processes that are started with `env`. */
export class Clock {
  private offsetMs = 0;

  private constructor(
    private readonly folder: string,
    readonly env: { NODE_OPTIONS: string },
  ) {}

  static create(): Clock {
    const folder = mkdtempSync(path.join(tmpdir(), 'posthorn-clock-'));
    const file = path.join(folder, 'offset');
    writeFileSync(file, '0');
    const module = `data:text/javascript,${encodeURIComponent(shifted(file))}`;
    return new Clock(folder, { NODE_OPTIONS: `--import ${module}` });
  }

  /** Steps it forward, or back; processes see it within 20 ms. */
  advance(ms: number): void {
    this.offsetMs += ms;
    writeFileSync(path.join(this.folder, 'offset'), String(this.offsetMs));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
