import { setTimeout as sleep } from 'node:timers/promises';
import { GatheredLines } from './gathered-lines.js';

function gather() {
  const written: string[] = [];
  let flushed = 0;
  const sink = { write: (text: string) => void written.push(text), flushSync: () => void (flushed += 1) };
  return { lines: new GatheredLines(() => sink), written, flushed: () => flushed };
}

describe('GatheredLines', () => {
  it('writes lines together, in their order, without being asked', async () => {
    const { lines, written } = gather();
    lines.write('a\n');
    lines.write('b\n');
    expect(written).toEqual([]);
    for (let waited = 0; written.length === 0 && waited < 5_000; waited += 20) await sleep(20);
    lines.write('c\n');
    lines.flushSync();
    expect(written).toEqual(['a\nb\n', 'c\n']);
  });

  it('does not let more than 64 Ki characters wait', () => {
    const { lines, written } = gather();
    const line = `${'x'.repeat(1023)}\n`;
    for (let n = 0; n < 65; n += 1) lines.write(line);
    expect(written).toEqual([line.repeat(64)]);
  });

  it('writes what waits when the process exits', () => {
    const { lines, written, flushed } = gather();
    const atExit = process.listeners('exit').at(-1) as (code: number) => void;
    lines.write('last\n');
    atExit(0);
    process.off('exit', atExit);
    expect([written, flushed()]).toEqual([['last\n'], 1]);
  });
});
