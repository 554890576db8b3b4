import { withLock } from './locks.mjs';
import { say } from './progress.mjs';

/** Runs `work`, which may install, set up or build, while no other command of this clone does. */
export const alone = (work, signal) =>
  withLock('setup', work, {
    signal,
    onWait: () => say('Another Posthorn command is setting up in this folder; waiting for it …'),
  });
