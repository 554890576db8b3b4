import { connectTo, databaseOf } from '../steps/sql.mjs';
import { Broker } from './broker.mjs';
import { measure, startSink } from './measure.mjs';
import { newTag } from './message.mjs';
import { countUnfinished, processOf } from './server.mjs';

/**
 * One measurement of Posthorn, from an empty database to a dropped one.
 *
 * - `layout(sinkUrl)`: channels with their consumers; the order's n-th path is the n-th channel
 * - `order`: for the load generator: rate or connections, seconds, payload …
 * - `copies`, `prefix`: see `measure`; `except`: a channel whose deliveries need not be finished at the end
 * - `prepare({broker, detail})`: after the channels are there, before the load
 * - `lookBack({broker})`: after it; what it resolves with goes to the figures
 */
export async function measurePosthorn(
  { layout, order, dispatchers, copies, prefix, except, prepare, lookBack },
  { server, signal, onBroker, options, detail },
) {
  const broker = new Broker(signal);
  onBroker(broker);
  const tag = newTag();
  const { sink, heard } = await startSink({ tag, signal });
  let connection;
  try {
    detail('starting');
    await broker.start({ serverUrl: server.url, dispatchers });
    const target = await broker.register(layout(`http://127.0.0.1:${heard.port}`));
    await prepare?.({ broker, detail });
    connection = await connectTo(server.url);
    const name = databaseOf(broker.databaseUrl);
    const pid = processOf(server);
    const figures = await measure({
      order: { ...target, ...order, tag, warmUpSeconds: options.warmUpSeconds },
      copies,
      prefix,
      sink,
      processes: [...broker.processes, ...(pid ? [{ name: 'database', pid }] : [])],
      database: { connection, name, unfinished: () => countUnfinished(connection, name, except) },
      signal,
      drainSeconds: options.drainSeconds,
      detail,
      check: () => broker.check(),
    });
    broker.check();
    return { figures: { ...figures, ...(await lookBack?.({ broker })) }, complaints: broker.complaints() };
  } finally {
    detail('ending');
    await connection?.end();
    await sink.stop();
    await broker.stop();
    onBroker(undefined);
  }
}
