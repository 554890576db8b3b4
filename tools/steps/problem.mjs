/** Something the reader can act on: shown as text, without a stack. */
export class Problem extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Somebody pressed Ctrl-C or sent SIGTERM; not a failure. */
export class Interrupted extends Problem {
  constructor() {
    super('Stopped before the end.', 130);
  }
}
