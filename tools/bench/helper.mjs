import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Interrupted, Problem } from '../steps/problem.mjs';

/** The load generator or the sink: a process of ours that we talk with. It ends when we do. `name` is its file, from this folder. */
export class Helper {
  #process;
  #handlers = new Map();
  #failed;

  constructor(name, signal, args = []) {
    this.#process = fork(fileURLToPath(new URL(`${name}.mjs`, import.meta.url)), args, {
      // A Ctrl-C in the terminal is for us; we end them in order.
      detached: true,
      serialization: 'advanced',
      execArgv: [],
    });
    this.#process.on('message', (message) => this.#handlers.get(message.type)?.(message));
    this.#failed = new Promise((_, reject) => {
      const abort = () => reject(new Interrupted());
      signal.addEventListener('abort', abort);
      this.#process.once('error', reject);
      this.#process.once('exit', (code, killedBy) => {
        signal.removeEventListener('abort', abort);
        reject(new Problem(`The ${name} ended unexpectedly (${killedBy ?? `status ${code}`}).`));
      });
      if (signal.aborted) reject(new Interrupted());
    });
    this.#failed.catch(() => {});
  }

  get pid() {
    return this.#process.pid;
  }

  on(type, handler) {
    this.#handlers.set(type, handler);
  }

  tell(message) {
    this.#process.send(message, () => {});
  }

  /** The next message of `type`, after telling `message` when there is one. */
  async hear(type, message) {
    const heard = new Promise((resolve) => {
      this.#handlers.set(type, resolve);
    });
    if (message) this.tell(message);
    return Promise.race([heard, this.#failed]);
  }

  async stop() {
    const gone = new Promise((resolve) => {
      this.#process.once('exit', resolve);
    });
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await gone;
  }
}
