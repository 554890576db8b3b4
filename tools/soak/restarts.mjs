import { nowMs } from '../bench/clock.mjs';
import { Problem } from '../steps/problem.mjs';

const inOrder = 'exit status 0';

/** Ends the last dispatcher every now and then, by each signal in turns, and starts it again. */
export class Restarts {
  /** `{seconds, signal, how}` of each: how it ended. */
  done = [];
  #broker;
  #signals;
  #everyMs;
  #timer;
  #running;
  #problem;

  constructor(broker, { restarts, restartEverySeconds }) {
    this.#broker = broker;
    this.#signals = restarts;
    this.#everyMs = restartEverySeconds * 1000;
  }

  start() {
    if (this.#signals.length === 0) return;
    const startedAt = nowMs();
    this.#timer = setInterval(() => {
      this.#running ??= this.#restart(startedAt)
        .catch((error) => (this.#problem = error))
        .finally(() => (this.#running = undefined));
    }, this.#everyMs);
  }

  async #restart(startedAt) {
    const signal = this.#signals[this.done.length % this.#signals.length];
    const seconds = (nowMs() - startedAt) / 1000;
    const { name } = this.#broker.children.findLast(({ app }) => app === 'dispatcher');
    const how = await this.#broker.restart(name, signal);
    this.done.push({ seconds, signal, how });
    if (signal === 'SIGTERM' && how !== inOrder) throw new Problem(`${name} did not end in order after SIGTERM: ${how}`);
  }

  /** Throws when a restart went wrong. */
  check() {
    if (this.#problem) throw this.#problem;
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#running;
    this.check();
  }
}
