const throughputSeconds = 15;
const latencySeconds = 20;
const defaultRate = 100;
/** A latency case is to show a broker that keeps up: it publishes no faster than makes so many deliveries a second. */
const easyDeliveriesPerSecond = 1000;
/** The load of a throughput case ends early when it has published so much. */
const mostBytes = 2 ** 30;

/** The cases of `options`, in the order in which they are measured: each kind's base case, then those that differ from it in one thing. */
export function casesOf(options) {
  const kinds = ['throughput', 'latency'].filter((kind) => options.only === undefined || options.only === kind);
  const shapes = shapesOf({ fanOut: options.fanOuts, payload: options.payloads, dispatchers: options.dispatchers ?? [undefined] }, options);
  return kinds.flatMap((kind) => shapes.map((shape) => (kind === 'throughput' ? throughput(shape, options) : latency(shape, options))));
}

function shapesOf(axes, { everyCombination }) {
  const base = Object.fromEntries(Object.entries(axes).map(([axis, values]) => [axis, values[0]]));
  if (!everyCombination)
    return [base, ...Object.entries(axes).flatMap(([axis, values]) => values.slice(1).map((value) => ({ ...base, [axis]: value })))];
  return Object.entries(axes).reduce(
    (shapes, [axis, values]) => shapes.flatMap((shape) => values.map((value) => ({ ...shape, [axis]: value }))),
    [{}],
  );
}

function throughput(shape, { seconds = throughputSeconds, connections, deliveries, generator }) {
  const mostMessages = Math.max(1, Math.min(Math.floor(deliveries / shape.fanOut), Math.floor(mostBytes / shape.payload)));
  return { kind: 'throughput', shape: nameOf(shape), ...shape, seconds, connections, generator, mostMessages };
}

function latency(shape, { seconds = latencySeconds, rate }) {
  const gentle = Math.max(1, Math.min(defaultRate, Math.floor(easyDeliveriesPerSecond / shape.fanOut)));
  return { kind: 'latency', shape: nameOf(shape), ...shape, seconds, rate: rate ?? gentle, generator: 'posthorn' };
}

function nameOf({ fanOut, payload, dispatchers }) {
  const processes = dispatchers === undefined ? [] : [`${dispatchers} ${dispatchers === 1 ? 'dispatcher' : 'dispatchers'}`];
  return [`fan-out ${fanOut}`, sizeOf(payload), ...processes].join(', ');
}

const sizeOf = (bytes) => (bytes >= 1024 && bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} B`);

/** Starting the apps, registering consumers and dropping the database. */
const startSeconds = 6;
/** The longest that starting and ending may take before they are given up as failed. */
const mostStartSeconds = 60;
const mostEndSeconds = 60;

/** A guess, good enough for a clock that shows what is left: 1500 deliveries a second, and as many messages for fan-out 1, fewer for more. */
export function expectedSeconds({ kind, fanOut, seconds, mostMessages }, { warmUpSeconds }) {
  const load = warmUpSeconds + seconds;
  if (kind === 'latency') return startSeconds + load + 1;
  const messages = Math.min(mostMessages, (load * 1500) / (1 + fanOut / 10));
  return startSeconds + load + Math.max(1, (messages * fanOut) / 1500 - load);
}

/** No case takes longer: what does not end by then is reported as failed. */
export const mostSeconds = ({ seconds }, { warmUpSeconds, drainSeconds }) =>
  mostStartSeconds + warmUpSeconds + seconds + drainSeconds + mostEndSeconds;
