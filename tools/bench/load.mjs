/** The load generator, a process of its own: is told what to do, once, and reports what was acknowledged when. */
import { Autocannon } from './autocannon.mjs';
import { nowMs } from './clock.mjs';
import { Generator } from './generator.mjs';
import { Journal } from './journal.mjs';
import { Request } from './message.mjs';

const tickMs = 20;
const progressMs = 500;
/** Of the messages that may be published at most, no more than this share is spent on the warm-up. */
const mostWarmUp = 0.25;

process.once('disconnect', () => process.exit(0));
process.once('message', (order) => {
  load(order).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});

async function load(order) {
  const { warmUpSeconds, seconds, rate, mostMessages = Infinity } = order;
  const journal = new Journal(order.firstNumber);
  const requests = order.paths.map((path) => new Request({ ...order, path }));
  const generator = new (order.generator === 'autocannon' ? Autocannon : Generator)(order, requests, journal);
  const ticker = setInterval(() => process.send({ type: 'progress', acknowledged: journal.acknowledged }), progressMs);
  if (rate === undefined) generator.keepBusy();
  else generator.paced();
  const from = await passed(nowMs() + warmUpSeconds * 1000, () => journal.begun >= mostMessages * mostWarmUp);
  process.send({ type: 'from' });
  const until = await passed(from + seconds * 1000, () => journal.begun >= mostMessages);
  await generator.finish();
  clearInterval(ticker);
  // It lives on until it is ended: who asks for its CPU time and memory asks later.
  process.send({ type: 'done', from, until, ...journal.results() });
}

/** Resolves with the time when it is `time`, or earlier when there is `enough`. */
async function passed(time, enough) {
  for (;;) {
    const left = time - nowMs();
    if (left <= 0) return time;
    if (enough()) return nowMs();
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(tickMs, left));
    });
  }
}
