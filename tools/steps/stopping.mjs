/**
 * One way to stop for everything that means it: Ctrl-C, SIGTERM, a closed terminal, and an npm that died above us.
 * The first one aborts `signal`; a Ctrl-C later than a second after it calls `onAgain` (npm passes on what the terminal sent us already).
 */
export function listenForStop({ onStop, onAgain } = {}) {
  const controller = new AbortController();
  let since = 0;
  const stop = () => {
    if (!controller.signal.aborted) {
      since = Date.now();
      onStop?.();
      controller.abort();
    } else if (Date.now() - since > 1000) {
      since = Date.now();
      onAgain?.();
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, stop);
  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      stop();
    }, 500);
    watch.unref();
  }
  return controller.signal;
}

/** Resolves when `signal` is aborted. */
export const stopped = (signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
