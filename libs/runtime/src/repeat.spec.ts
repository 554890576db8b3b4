import { createLog } from './log.js';
import { Repeat } from './repeat.js';

class Gate {
  open!: () => void;
  readonly promise = new Promise<void>((resolve) => (this.open = resolve));
}

const gate = (): Gate => new Gate();

function loop(doOnce: (signal: AbortSignal) => Promise<number>, staleAfterMs = 1000) {
  const lines: string[] = [];
  const log = createLog('test', 'info', { write: (line: string) => void lines.push(String(JSON.parse(line).msg)) });
  return { repeat: new Repeat({ name: 'claim', log, doOnce, staleAfterMs }), lines };
}

describe('Repeat', () => {
  it('runs again at once for as long as there is work, without holding up the process', async () => {
    const done = gate();
    let runs = 0;
    const { repeat } = loop(async () => {
      if (++runs === 100) done.open();
      return runs < 100 ? 0 : 60_000;
    });
    repeat.start();
    await done.promise;
    await repeat.stop();
    expect(runs).toBe(100);
  });

  it('is woken while it waits', async () => {
    const [first, second] = [gate(), gate()];
    let runs = 0;
    const { repeat } = loop(async () => {
      (++runs === 1 ? first : second).open();
      return 60_000;
    });
    repeat.start();
    repeat.start();
    await first.promise;
    repeat.wake();
    await second.promise;
    await repeat.stop();
    expect(runs).toBe(2);
  });

  it('runs once more when woken during a run, never two at a time', async () => {
    const [entered, leave, again] = [gate(), gate(), gate()];
    let [runs, running, most] = [0, 0, 0];
    const { repeat } = loop(async () => {
      most = Math.max(most, ++running);
      if (++runs === 1) {
        entered.open();
        await leave.promise;
      } else again.open();
      running--;
      return 60_000;
    });
    repeat.start();
    await entered.promise;
    for (let count = 0; count < 10; count++) repeat.wake();
    leave.open();
    await again.promise;
    await repeat.stop();
    expect([runs, most]).toEqual([2, 1]);
  });

  it('goes on after failures, and logs a burst once', async () => {
    const done = gate();
    let runs = 0;
    const { repeat, lines } = loop(async () => {
      repeat.wake();
      if (++runs < 4) throw new Error('database gone');
      done.open();
      return 60_000;
    });
    const begun = performance.now();
    repeat.start();
    await done.promise;
    await repeat.stop();
    expect(lines).toEqual(['loop.failed', 'loop.recovered']);
    expect(performance.now() - begun).toBeGreaterThan(25 + 50 + 100 - 10);
  });

  it('tells a run in progress to end, and waits for it', async () => {
    const entered = gate();
    let ended = false;
    const { repeat, lines } = loop(async (signal) => {
      entered.open();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended = true;
      throw new Error('aborted');
    });
    repeat.start();
    await entered.promise;
    await repeat.stop();
    expect([ended, lines]).toEqual([true, []]);
    expect(() => repeat.start()).toThrow('was stopped');
  });

  it('is stale when a run hangs, not when it waits for its time', async () => {
    const [entered, leave] = [gate(), gate()];
    const { repeat } = loop(async () => {
      entered.open();
      await leave.promise;
      return 60_000;
    }, 20);
    expect(repeat.stale).toBe(false);
    repeat.start();
    await entered.promise;
    const begun = performance.now();
    while (!repeat.stale && performance.now() - begun < 5000) await new Promise((resolve) => setImmediate(resolve));
    expect(repeat.stale).toBe(true);
    leave.open();
    while (repeat.stale && performance.now() - begun < 5000) await new Promise((resolve) => setImmediate(resolve));
    expect(repeat.stale).toBe(false);
    expect(Date.now() - repeat.lastBeatAt).toBeLessThan(5000);
    await repeat.stop();
  });
});
