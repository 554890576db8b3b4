import { duplicates } from './duplicates.mjs';
import { accepted, indexed, slot, succeeded } from './history.mjs';
import { outOfOrder } from './order.mjs';

/** Words for each rule that a history can break. */
export const rules = {
  lost: 'acknowledged, and a consumer of its channel did not get it',
  'not stored': 'acknowledged, and not in the database under the id of the answer',
  'two messages for a key': 'one Idempotency-Key led to more than one message, or was answered with more than one id',
  'wrong answer': 'a publish request was answered as it must not be',
  unexpected: 'a consumer got what was not published, or what it must not get',
  'wrong content': 'bytes, headers or signature of a delivery are not right',
  leftover: 'a table of unfinished work or the dead letters are not empty at the end',
  unfinished: 'a delivery is missing or not delivered at the end',
  'wrong delivered': 'a delivery is marked delivered without an attempt that its consumer answered so',
  'not settled': 'a consumer answered 2xx, and the delivery is not delivered',
  'out of order': 'a consumer got a message before it had taken one of the same key that was acknowledged before this one was sent',
  attempts: 'the attempts of a delivery do not fit together, or not to what the consumer saw',
  'unexplained duplicate': 'a consumer answered 2xx twice, and no fault made that inevitable',
  'process ended': 'a process that was ready ended, and nobody had asked it to',
};

/**
 * Judges a run after the fact, from what producers were told, what consumers saw and answered, what is stored, and which faults there were. A pure
 * function: the same history always has the same violations. Everything is held in memory.
 *
 * @param history.consumers names by channel
 * @param history.publishes entries of producers.mjs
 * @param history.arrivals entries of site.mjs
 * @param history.stored what database.mjs reads; `hot` are the row counts of its tables
 * @param history.faults `{kind, target, from, until}` each, on the clock of the arrivals, as they were done
 * @param history.sightingsOf for a message id, names of dispatchers, each with the times when its statements named it
 * @param history.ordered names of the consumers that get the messages of a key in order
 * @param history.ends entries of replica.mjs
 * @param history.timeoutMs what an attempt may take
 * @param history.leaseMs how long a claim lasts
 */
export function check(history) {
  const run = indexed(history);
  const violations = [];
  const violate = (rule, text) => violations.push({ rule, text });
  checkAnswers(run, violate);
  checkStored(run, violate);
  checkArrivals(run, violate);
  checkDeliveries(run, violate);
  outOfOrder(run, violate);
  checkEnds(history, violate);
  const reasons = duplicates(run, violate);
  const broken = (rule) => violations.filter((violation) => violation.rule === rule).length;
  return { violations, counts: { ...countsOf(run), lost: broken('lost'), unexpected: broken('unexpected') }, duplicates: reasons };
}

/** What producers were told, by itself. */
function checkAnswers({ publishes, consumers }, violate) {
  for (const { key, channel, answers, conflicts } of publishes) {
    const good = answers.filter(accepted);
    const ids = [...new Set(good.map(({ id }) => id))];
    if (ids.length > 1) violate('two messages for a key', `${key} was answered with ${ids.join(' and ')}`);
    if (good.filter(({ status }) => status === 201).length > 1) violate('two messages for a key', `${key} was answered 201 more than once`);
    for (const { status, code, first, deliveries } of answers) {
      if (!accepted({ status })) violate('wrong answer', `${key} was refused: ${status} ${code}`);
      else if (first && status === 200) violate('wrong answer', `${key} was called a repeat the first time`);
      // A repeat counts the deliveries that were made so far.
      const right = consumers[channel].length;
      if (status === 201 ? deliveries !== right : status === 200 && deliveries > right)
        violate('wrong answer', `${key} was answered with ${deliveries} deliveries, not ${right}`);
    }
    for (const { status, code } of conflicts)
      if (status !== 409) violate('wrong answer', `${key} was repeated with another body and answered ${status} ${code ?? ''}`);
  }
}

/** What producers were told against what is stored. */
function checkStored({ acknowledged, stored, holders, messages, publishOf }, violate) {
  for (const { id, key, channel } of acknowledged) {
    if (!messages.has(id)) violate('not stored', `${key} was acknowledged as ${id}, which is not there`);
    const holder = holders.get(`${channel} ${key}`);
    if (holder !== id) violate('two messages for a key', `${key} was acknowledged as ${id}, and its key is held by ${holder ?? 'none'}`);
  }
  const held = new Set(stored.keys.map(({ id }) => id));
  for (const { id, channel } of stored.messages)
    if (!held.has(id)) violate('two messages for a key', `${id} in ${channel} is stored and has no key, and all were published with one`);
  for (const { key, id, channel } of stored.keys) {
    if (key === undefined || publishOf.get(key)?.channel !== channel)
      violate('unexpected', `${id} in ${channel} is stored under a key that nobody used`);
    if (!messages.has(id)) violate('not stored', `the key ${key} is held by ${id}, which is not there`);
  }
  const { dead_letter: deadLetters, ...hot } = stored.hot;
  for (const [table, rows] of Object.entries(hot)) if (rows > 0) violate('leftover', `${rows} rows in ${table}`);
  if (deadLetters > 0) violate('leftover', `${deadLetters} dead letters after the last redrive`);
}

/** What consumers saw. */
function checkArrivals({ arrivals, consumers, messages, holders }, violate) {
  for (const [first, ...more] of arrivals.values()) {
    for (const { consumer, id, key, problems } of [first, ...more]) {
      for (const problem of problems) violate('wrong content', `${id} at ${consumer}: ${problem}`);
      const message = messages.get(id);
      if (!message) violate('unexpected', `${consumer} got ${id}, which is not stored`);
      else if (!consumers[message.channel].includes(consumer)) violate('unexpected', `${consumer} got ${id} of ${message.channel}`);
      const holder = message && holders.get(`${message.channel} ${key}`);
      if (message && holder !== id)
        violate('two messages for a key', `${consumer} got ${key} as ${id}, and its key is held by ${holder ?? 'none'}`);
    }
  }
}

/** Each delivery that there must be: its state, its attempts, and what its consumer saw and answered. */
function checkDeliveries(run, violate) {
  const { consumers, stored, acknowledged, deliveries, arrivals } = run;
  for (const { id, key, channel } of acknowledged)
    for (const consumer of consumers[channel])
      if (!(arrivals.get(slot(id, consumer)) ?? []).some(succeeded)) violate('lost', `${key} (${id}) did not reach ${consumer}`);
  for (const { id, channel, status } of stored.messages) {
    if (status !== 'out-for-delivery') violate('unfinished', `${id} is ${status}`);
    for (const consumer of consumers[channel]) {
      const delivery = deliveries.get(slot(id, consumer));
      if (delivery) checkDelivery(delivery, run, violate);
      else violate('unfinished', `${id} has no delivery for ${consumer}`);
    }
  }
  if (stored.deliveries.length > stored.messages.reduce((sum, { channel }) => sum + consumers[channel].length, 0))
    violate('unexpected', 'there are more deliveries than messages have consumers');
}

function checkDelivery({ id, consumer, status, attempts: made }, { attempts, arrivals }, violate) {
  const name = `${id} for ${consumer}`;
  const rows = (attempts.get(slot(id, consumer)) ?? []).toSorted((a, b) => a.number - b.number);
  const seen = arrivals.get(slot(id, consumer)) ?? [];
  if (status !== 'delivered') violate('unfinished', `${name} is ${status}`);
  if (rows.length !== made || rows.some(({ number }, at) => number !== at + 1))
    violate('attempts', `${name} counts ${made} attempts and has ${rows.map(({ number }) => number).join(', ') || 'none'}`);
  const good = rows.filter(({ errorClass }) => errorClass === null);
  if (good.length > 1) violate('attempts', `${name} was delivered by attempts ${good.map(({ number }) => number).join(' and ')}`);
  checkAttempts(name, rows, seen, violate);
  if (status !== 'delivered') {
    if (seen.some(succeeded)) violate('not settled', `${name} was answered 2xx and is ${status}`);
    return;
  }
  const last = rows.at(-1);
  const answer = last && seen.find(({ attempt }) => attempt === last.number);
  if (!last || last.errorClass !== null)
    violate('wrong delivered', `${name} is delivered and its last attempt is ${last?.errorClass ?? 'missing'}`);
  else if (!answer || !succeeded(answer))
    violate('wrong delivered', `${name} is delivered by attempt ${last.number}, which was not answered 2xx`);
}

/** Attempts that have a status code are those whose answer has it; whatever a consumer saw is an attempt. */
function checkAttempts(name, rows, seen, violate) {
  const rowOf = new Map(rows.map((row) => [row.number, row]));
  const numbers = new Set();
  for (const { attempt } of seen) {
    if (!rowOf.has(attempt)) violate('attempts', `${name} arrived as attempt ${attempt}, which is not recorded`);
    if (numbers.has(attempt)) violate('attempts', `${name} arrived twice as attempt ${attempt}`);
    numbers.add(attempt);
  }
  for (const { number, httpCode } of rows) {
    if (httpCode === null) continue;
    const answer = seen.find(({ attempt }) => attempt === number);
    if (answer?.code !== httpCode)
      violate('attempts', `${name}: attempt ${number} has ${httpCode}, and the consumer answered ${answer?.code ?? 'nothing'}`);
  }
}

/** A process that is starting may end as it likes; one that stops while the database is away may be unable to write what it should. */
function checkEnds({ ends, faults }, violate) {
  for (const { name, how, unasked, wasReady, clean, from, until } of ends) {
    if (!wasReady) continue;
    if (unasked) violate('process ended', `${name} ended by itself (${how})`);
    const hindered = faults.some(
      (fault) => [name, 'database'].includes(fault.target) && fault.kind !== 'stop' && fault.from < until && fault.until > from,
    );
    if (!unasked && !clean && !hindered) violate('process ended', `${name} was told to stop and did not do so properly (${how})`);
  }
}

function countsOf({ publishes, acknowledged, arrivals, stored }) {
  const answers = publishes.flatMap((publish) => publish.answers);
  const sum = (name) => publishes.reduce((total, publish) => total + publish[name], 0);
  const received = [...arrivals.values()];
  return {
    published: publishes.length,
    acknowledged: acknowledged.length,
    repeats: answers.filter(({ status }) => status === 200).length,
    conflicts: publishes.reduce((total, { conflicts }) => total + conflicts.filter(({ status }) => status === 409).length, 0),
    unanswered: sum('unanswered'),
    failed: sum('failed'),
    deliveries: stored.deliveries.length,
    delivered: stored.deliveries.filter(({ status }) => status === 'delivered').length,
    arrivals: received.reduce((total, list) => total + list.length, 0),
    attempts: stored.attempts.length,
    leasesExpired: stored.attempts.filter(({ errorClass }) => errorClass === 'lease-expired').length,
  };
}
