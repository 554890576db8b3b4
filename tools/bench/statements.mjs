/**
 * What the database did for one database of a server, by the best source there is:
 *
 * - `statements of this database`: performance_schema's digests of the statements that were run with it as their default: exact, whatever else the
 *   server does. MySQL keeps them unless told otherwise; MariaDB when started with performance_schema=ON, as our private one is.
 * - `statements of the whole server`: its totals by kind of statement, when the table of digests is full; others' statements are in it.
 * - `questions of the whole server`: the counter Questions, when performance_schema is off: no times.
 *
 * Time is from when the server began a statement until its end: waiting for locks, for the disk and for a CPU is in it, the network is not. Statements
 * that run at the same time add up.
 */
export async function sampleStatements(connection, database) {
  const digests = await readDigests(connection, database);
  if (digests) return { source: 'statements of this database', ...totals(digests), digests };
  const kinds = await readKinds(connection);
  if (kinds.length > 0) return { source: 'statements of the whole server', ...totals(kinds) };
  const [[{ Value: questions }]] = await connection.query(`SHOW GLOBAL STATUS LIKE 'Questions'`);
  return { source: 'questions of the whole server', statements: Number(questions), seconds: undefined };
}

const totals = (rows) => ({
  statements: rows.reduce((sum, { count }) => sum + Number(count), 0),
  seconds: rows.reduce((sum, { seconds }) => sum + Number(seconds), 0),
});

const orNothing = (query) => query.then(([rows]) => rows).catch(() => []);

/** Undefined when there are none: the instruments are off, we may not read them, or the table is full and new statements go into its last row. */
async function readDigests(connection, database) {
  const rows = await orNothing(
    connection.query(
      `SELECT DIGEST AS digest, DIGEST_TEXT AS text, COUNT_STAR AS count, SUM_TIMER_WAIT / 1e12 AS seconds, SUM_ROWS_EXAMINED AS examined
         FROM performance_schema.events_statements_summary_by_digest WHERE SCHEMA_NAME = ?`,
      [database],
    ),
  );
  if (rows.length === 0) return undefined;
  const full = await orNothing(
    connection.query('SELECT 1 FROM performance_schema.events_statements_summary_by_digest WHERE SCHEMA_NAME IS NULL AND DIGEST IS NULL'),
  );
  return full.length > 0 ? undefined : rows;
}

const readKinds = (connection) =>
  orNothing(
    connection.query(
      `SELECT COUNT_STAR AS count, SUM_TIMER_WAIT / 1e12 AS seconds FROM performance_schema.events_statements_summary_global_by_event_name
        WHERE EVENT_NAME LIKE 'statement/sql/%' AND COUNT_STAR > 0`,
    ),
  );

const told = 15;

/** What happened between two samples; `top` are the statements that took the most time. */
export function betweenSamples(before, after) {
  if (before.source !== after.source) return { source: 'changed while measuring', statements: undefined, seconds: undefined, top: [] };
  const earlier = new Map((before.digests ?? []).map((row) => [row.digest, row]));
  const top = (after.digests ?? []).map((row) => {
    const past = earlier.get(row.digest);
    const since = (name) => Number(row[name]) - Number(past?.[name] ?? 0);
    return { statement: row.text, count: since('count'), seconds: since('seconds'), rowsExamined: since('examined') };
  });
  return {
    source: after.source,
    statements: after.statements - before.statements,
    seconds: after.seconds === undefined ? undefined : after.seconds - before.seconds,
    top: top
      .filter(({ count }) => count > 0)
      .toSorted((a, b) => b.seconds - a.seconds)
      .slice(0, told),
  };
}
