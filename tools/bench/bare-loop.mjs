import { ensureDatabase, connectTo, databaseOf, withDatabase } from '../steps/sql.mjs';
import { makeTables } from './bare/schema.mjs';
import { Helper } from './helper.mjs';
import { measure, startSink } from './measure.mjs';
import { newTag } from './message.mjs';
import { dropDatabase, newDatabaseName, noteDatabase, processOf } from './server.mjs';

/**
 * One measurement of the bare loop: the same tables and statements in two small processes that do nothing else. What it reaches is what the machine, the database
 * server and the language leave room for.
 */
export async function measureBareLoop(one, { server, signal, options, detail }) {
  const url = withDatabase(server.url, newDatabaseName());
  const tag = newTag();
  const { sink, heard } = await startSink({ tag, signal });
  const halves = [];
  let connection;
  try {
    detail('starting');
    noteDatabase(url);
    await ensureDatabase(url);
    await makeTables(server.url, databaseOf(url));
    const consumers = Array.from({ length: one.fanOut }, (_, index) => `http://127.0.0.1:${heard.port}/${index + 1}`);
    const [ingest, dispatcher] = [
      new Helper('bare/ingest', signal, [url, String(one.fanOut)]),
      new Helper('bare/dispatcher', signal, [url, ...consumers]),
    ];
    halves.push(ingest, dispatcher);
    const [{ port }] = await Promise.all([ingest.hear('listening'), dispatcher.hear('delivering')]);
    connection = await connectTo(server.url);
    const name = databaseOf(url);
    const pid = processOf(server);
    const figures = await measure({
      order: {
        url: `http://127.0.0.1:${port}`,
        paths: ['/messages'],
        headers: {},
        body: '{payload}',
        ...one,
        tag,
        warmUpSeconds: options.warmUpSeconds,
      },
      copies: [one.fanOut],
      prefix: '/',
      sink,
      processes: [
        { name: 'bare ingest', pid: ingest.pid },
        { name: 'bare dispatcher', pid: dispatcher.pid },
        ...(pid ? [{ name: 'database', pid }] : []),
      ],
      database: { connection, name, unfinished: () => countReady(connection, name) },
      signal,
      drainSeconds: options.drainSeconds,
      detail,
    });
    return { figures, complaints: [] };
  } finally {
    detail('ending');
    await connection?.end();
    await Promise.all(halves.map((half) => half.stop()));
    await sink.stop();
    await dropDatabase(url);
  }
}

async function countReady(connection, database) {
  const [[{ count }]] = await connection.query('SELECT COUNT(*) AS count FROM ??.ready', [database]);
  return Number(count);
}
