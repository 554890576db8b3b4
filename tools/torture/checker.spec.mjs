import { check } from './checker.mjs';

/** A small run in which all went well: a message for one consumer and one for two, each at the first attempt. */
function goodRun() {
  const publish = (key, channel, id, deliveries) => ({
    key,
    channel,
    orderingKey: undefined,
    sentAt: 900,
    answers: [{ status: 201, id, deliveries, first: true, at: 950 }],
    conflicts: [],
    unanswered: 0,
    failed: 0,
  });
  const arrival = (key, id, consumer, more = {}) => ({
    key,
    id,
    consumer,
    attempt: 1,
    at: 1000,
    code: 200,
    complete: true,
    completedAt: 1010,
    problems: [],
    ...more,
  });
  const attempt = (id, consumer, more = {}) => ({ id, consumer, number: 1, durationMs: 10, httpCode: 200, errorClass: null, ...more });
  const delivery = (id, consumer, more = {}) => ({ id, consumer, status: 'delivered', attempts: 1, ...more });
  return {
    consumers: { solo: ['a'], team: ['b', 'c'] },
    publishes: [publish('m-1', 'solo', '11', 1), publish('m-2', 'team', '12', 2)],
    arrivals: [arrival('m-1', '11', 'a'), arrival('m-2', '12', 'b'), arrival('m-2', '12', 'c')],
    stored: {
      messages: [
        { id: '11', channel: 'solo', status: 'out-for-delivery' },
        { id: '12', channel: 'team', status: 'out-for-delivery' },
      ],
      keys: [
        { key: 'm-1', channel: 'solo', id: '11' },
        { key: 'm-2', channel: 'team', id: '12' },
      ],
      deliveries: [delivery('11', 'a'), delivery('12', 'b'), delivery('12', 'c')],
      attempts: [attempt('11', 'a'), attempt('12', 'b'), attempt('12', 'c')],
      hot: { fanout: 0, ready: 0, retry: 0, dead_letter: 0 },
    },
    faults: [],
    sightingsOf: () => [['dispatcher-1', [900]]],
    ends: [],
    ordered: ['a'],
    timeoutMs: 1500,
    leaseMs: 7500,
  };
}

/** The first delivery's consumer answered 2xx twice; `change` says more about the first time. */
function runWithDuplicate({ row = {}, arrival = {}, faults = [] }) {
  const run = goodRun();
  Object.assign(run.arrivals[0], arrival);
  run.arrivals.push({ ...run.arrivals[0], at: 9000, completedAt: 9010, attempt: 2, reset: undefined });
  Object.assign(run.stored.attempts[0], { httpCode: null, errorClass: 'lease-expired', durationMs: 0, ...row });
  run.stored.attempts.push({ id: '11', consumer: 'a', number: 2, durationMs: 10, httpCode: 200, errorClass: null });
  run.stored.deliveries[0].attempts = 2;
  run.faults = faults;
  return run;
}

const broken = (run) => [...new Set(check(run).violations.map(({ rule }) => rule))];

it('is satisfied when all went well', () => {
  const verdict = check(goodRun());
  expect(verdict.violations).toEqual([]);
  expect(verdict.counts).toMatchObject({ published: 2, acknowledged: 2, deliveries: 3, delivered: 3, arrivals: 3, attempts: 3 });
  expect(verdict.duplicates).toEqual({});
});

describe('what is lost', () => {
  it('is a message that was acknowledged and did not reach a consumer', () => {
    const run = goodRun();
    run.arrivals.pop();
    expect(broken(run)).toContain('lost');
  });

  it('is a message whose consumer never answered 2xx to the end', () => {
    const run = goodRun();
    run.arrivals[2].complete = undefined;
    expect(broken(run)).toContain('lost');
  });

  it('is a message that was acknowledged and is not stored', () => {
    const run = goodRun();
    run.stored.messages.shift();
    expect(broken(run)).toContain('not stored');
  });

  it('is not a message whose publisher never got an answer', () => {
    const run = goodRun();
    run.publishes.push({ key: 'm-3', channel: 'solo', answers: [], conflicts: [], unanswered: 3, failed: 0 });
    expect(broken(run)).toEqual([]);
  });
});

describe('what a consumer must not get', () => {
  it('is a message that is not stored', () => {
    const run = goodRun();
    run.arrivals.push({ ...run.arrivals[0], id: '99', key: 'm-9' });
    expect(broken(run)).toEqual(['unexpected']);
  });

  it('is a message of another channel', () => {
    const run = goodRun();
    run.arrivals.push({ ...run.arrivals[0], consumer: 'b' });
    expect(broken(run)).toEqual(['unexpected']);
  });

  it('is what was published without an answer: that is right', () => {
    const run = goodRun();
    run.publishes[0].answers = [];
    run.publishes[0].unanswered = 1;
    expect(broken(run)).toEqual([]);
  });

  it('is wrong bytes, headers or signatures', () => {
    const run = goodRun();
    run.arrivals[0].problems = ['the signature does not match'];
    expect(broken(run)).toEqual(['wrong content']);
  });
});

describe('two messages for a key', () => {
  it('are seen by what the producer was answered', () => {
    const run = goodRun();
    run.publishes[0].answers.push({ status: 200, id: '98', deliveries: 1, first: false });
    expect(broken(run)).toEqual(['two messages for a key']);
  });

  it('are seen by two answers that say created', () => {
    const run = goodRun();
    run.publishes[0].answers.push({ ...run.publishes[0].answers[0] });
    expect(broken(run)).toEqual(['two messages for a key']);
  });

  it('are seen by a stored message that holds no key', () => {
    const run = goodRun();
    run.stored.messages.push({ id: '98', channel: 'solo', status: 'out-for-delivery' });
    run.stored.deliveries.push({ id: '98', consumer: 'a', status: 'delivered', attempts: 1 });
    run.stored.attempts.push({ ...run.stored.attempts[0], id: '98' });
    run.arrivals.push({ ...run.arrivals[0], id: '98' });
    expect(broken(run)).toEqual(['two messages for a key']);
  });

  it('are seen by a key that another message holds', () => {
    const run = goodRun();
    run.stored.keys[0].id = '98';
    expect(broken(run)).toContain('two messages for a key');
  });
});

describe('an answer to a producer', () => {
  it.each([
    ['refuses what is right', { status: 422, code: 'validation-failed' }],
    ['calls the first a repeat', { status: 200, id: '11', deliveries: 1, first: true }],
    ['counts too few deliveries', { status: 201, id: '11', deliveries: 0, first: true }],
  ])('that %s is wrong', (_what, answer) => {
    const run = goodRun();
    run.publishes[0].answers = [answer];
    expect(broken(run)).toContain('wrong answer');
  });

  it('that takes another body for the same key is wrong', () => {
    const run = goodRun();
    run.publishes[0].conflicts = [{ status: 409, code: 'idempotency-conflict' }];
    expect(broken(run)).toEqual([]);
    run.publishes[0].conflicts = [{ status: 200, id: '11' }];
    expect(broken(run)).toEqual(['wrong answer']);
  });
});

describe('at the end', () => {
  it.each(['fanout', 'ready', 'retry', 'dead_letter'])('a row in %s is left over', (table) => {
    const run = goodRun();
    run.stored.hot[table] = 1;
    expect(broken(run)).toEqual(['leftover']);
  });

  it('a delivery that is missing is unfinished', () => {
    const run = goodRun();
    run.stored.deliveries.pop();
    expect(broken(run)).toEqual(['unfinished']);
  });

  it('a message that is not out for delivery is unfinished', () => {
    const run = goodRun();
    run.stored.messages[1].status = 'acknowledged';
    expect(broken(run)).toEqual(['unfinished']);
  });

  it('a delivery that is dead although its consumer answered 2xx was not settled', () => {
    const run = goodRun();
    run.stored.deliveries[0].status = 'dead';
    expect(broken(run)).toEqual(['unfinished', 'not settled']);
  });
});

describe('delivered', () => {
  it('is wrong when the consumer answered something else', () => {
    const run = goodRun();
    run.arrivals[0].code = 500;
    expect(broken(run)).toContain('wrong delivered');
  });

  it('is wrong when the consumer got nothing', () => {
    const run = goodRun();
    run.arrivals.shift();
    expect(broken(run)).toContain('wrong delivered');
  });

  it('is wrong when the consumer did not finish its answer', () => {
    const run = goodRun();
    run.arrivals[0].complete = undefined;
    expect(broken(run)).toContain('wrong delivered');
  });

  it('is wrong when the last attempt failed', () => {
    const run = goodRun();
    Object.assign(run.stored.attempts[0], { errorClass: 'timeout', httpCode: null });
    expect(broken(run)).toContain('wrong delivered');
  });
});

describe('attempts', () => {
  it('must be numbered from 1 without a gap, as many as the delivery counts', () => {
    const gap = goodRun();
    gap.stored.attempts[0].number = 2;
    expect(broken(gap)).toContain('attempts');
    const short = goodRun();
    short.stored.deliveries[0].attempts = 2;
    expect(broken(short)).toEqual(['attempts']);
  });

  it('must be recorded when a consumer saw them', () => {
    const run = goodRun();
    run.arrivals.push({ ...run.arrivals[0], attempt: 2, code: 500 });
    expect(broken(run)).toEqual(['attempts']);
  });

  it('must not come twice with the same number', () => {
    const run = goodRun();
    run.arrivals.push({ ...run.arrivals[0], code: 500 });
    expect(broken(run)).toEqual(['attempts']);
  });

  it('must have the status code that the consumer answered', () => {
    const run = goodRun();
    run.stored.attempts[0].httpCode = 204;
    expect(broken(run)).toEqual(['attempts']);
  });
});

describe('a duplicate', () => {
  const fault = (kind, target, from, until) => ({ kind, target, from, until });

  it.each([
    ['the dispatcher was killed', fault('kill', 'dispatcher-1', 1005, 1005)],
    ['the dispatcher was frozen', fault('freeze', 'dispatcher-1', 1500, 9500)],
    ['the way to the database was stalled', fault('stall connections', 'dispatcher-1', 500, 1200)],
    ['the database was away', fault('kill database', 'database', 500, 4000)],
  ])('is explained when %s before the outcome was written', (reason, cause) => {
    const { violations, duplicates } = check(runWithDuplicate({ faults: [cause] }));
    expect(violations).toEqual([]);
    expect(duplicates).toEqual({ [reason]: 1 });
  });

  it('is explained by an answer after the timeout', () => {
    const row = { errorClass: 'timeout', durationMs: 1502 };
    expect(check(runWithDuplicate({ row }))).toMatchObject({ violations: [], duplicates: { 'the answer came after the timeout': 1 } });
  });

  it('is explained by a consumer that broke the connection', () => {
    const row = { errorClass: 'connection-reset', durationMs: 15 };
    const reason = 'the consumer broke the connection after its answer';
    expect(check(runWithDuplicate({ row, arrival: { reset: true } }))).toMatchObject({ violations: [], duplicates: { [reason]: 1 } });
    expect(broken(runWithDuplicate({ row }))).toEqual(['unexplained duplicate']);
  });

  it.each([
    ['there was no fault', []],
    ['another dispatcher was killed', [fault('kill', 'dispatcher-2', 1005, 1005)]],
    ['the dispatcher was killed before', [fault('kill', 'dispatcher-1', -2100, 300)]],
    ['the dispatcher was killed when the outcome was long written', [fault('kill', 'dispatcher-1', 6000, 6500)]],
    ['the dispatcher was frozen later', [fault('freeze', 'dispatcher-1', 6000, 7000)]],
    ['one connection was cut, which is made up for at once', [fault('cut before commit', 'dispatcher-1', 1005, 1020)]],
    ['the database came back long before', [fault('kill database', 'database', -9000, -2500)]],
  ])('is unexplained when %s', (_what, faults) => {
    const { violations, duplicates } = check(runWithDuplicate({ faults }));
    expect(violations.map(({ rule }) => rule)).toEqual(['unexplained duplicate']);
    expect(duplicates).toEqual({ unexplained: 1 });
  });

  it('is unexplained when the timeout had not passed', () => {
    expect(broken(runWithDuplicate({ row: { errorClass: 'timeout', durationMs: 900 } }))).toEqual(['unexplained duplicate']);
  });

  it('is unexplained, and an attempt too many, when the first was delivered already', () => {
    const run = runWithDuplicate({ row: { errorClass: null, httpCode: 200 }, faults: [fault('kill', 'dispatcher-1', 1005, 1005)] });
    expect(broken(run)).toEqual(['attempts', 'unexplained duplicate']);
  });
});

describe('a process', () => {
  const end = { name: 'dispatcher-1', how: 'exit status 1', wasReady: true, from: 100, until: 200 };

  it('must not end by itself once it was ready', () => {
    expect(broken({ ...goodRun(), ends: [{ ...end, unasked: true }] })).toEqual(['process ended']);
    expect(broken({ ...goodRun(), ends: [{ ...end, unasked: true, wasReady: false }] })).toEqual([]);
  });

  it('must stop properly unless the database is away', () => {
    const ends = [{ ...end, unasked: false, clean: false }];
    expect(broken({ ...goodRun(), ends })).toEqual(['process ended']);
    expect(broken({ ...goodRun(), ends, faults: [{ kind: 'kill database', target: 'database', from: 50, until: 150 }] })).toEqual([]);
  });
});

describe('the order of a key', () => {
  /** Three messages of one key, sent one after another, each when the one before it was acknowledged, and all taken in that order. */
  function keyedRun() {
    const run = goodRun();
    const [publish] = run.publishes;
    const [arrival] = run.arrivals;
    run.publishes = ['21', '22', '23'].map((id, n) => ({
      ...publish,
      key: `m-${id}`,
      orderingKey: 'customer 1',
      sentAt: 900 + 20 * n,
      answers: [{ ...publish.answers[0], id, at: 910 + 20 * n }],
    }));
    run.arrivals = ['21', '22', '23'].map((id, n) => ({ ...arrival, id, key: `m-${id}`, at: 1000 + 100 * n, completedAt: 1010 + 100 * n }));
    return run;
  }
  const orderOf = (run) =>
    check(run)
      .violations.filter(({ rule }) => rule === 'out of order')
      .map(({ text }) => text);

  it('is kept when each comes after those before it were taken', () => {
    expect(orderOf(keyedRun())).toEqual([]);
  });

  it('is broken by a message that comes while one before it is tried', () => {
    const run = keyedRun();
    run.arrivals.push({ ...run.arrivals[1], at: 1050, code: 500, attempt: 1 });
    run.arrivals.push({ ...run.arrivals[0], at: 1060, attempt: 2 });
    Object.assign(run.arrivals[0], { code: 500 });
    expect(orderOf(run)).toEqual(['m-22 came to a 10 ms before m-21 was taken']);
  });

  it('is broken by a message that overtakes all others', () => {
    const run = keyedRun();
    run.arrivals[2].at = 990;
    expect(orderOf(run)).toEqual(['m-23 came to a 110 ms before m-22 was taken']);
  });

  it('is broken by a message that comes although one before it was never taken', () => {
    const run = keyedRun();
    run.arrivals.shift();
    expect(orderOf(run)).toHaveLength(2);
  });

  it('was not promised to messages that were published at the same time, of other keys, without a key, or to other consumers', () => {
    const mixed = (change) => {
      const run = keyedRun();
      run.arrivals[2].at = 990;
      change(run);
      return orderOf(run);
    };
    expect(mixed((run) => Object.assign(run.publishes[2], { sentAt: 905 }))).toEqual([]);
    expect(mixed((run) => Object.assign(run.publishes[2], { orderingKey: 'customer 2' }))).toEqual([]);
    expect(mixed((run) => run.publishes.forEach((one) => Object.assign(one, { orderingKey: undefined })))).toEqual([]);
    expect(mixed((run) => Object.assign(run, { ordered: ['b'] }))).toEqual([]);
  });

  it('lets the first of a key come again and again', () => {
    const run = keyedRun();
    run.arrivals.unshift({ ...run.arrivals[0], at: 980, code: 503 });
    run.arrivals.push({ ...run.arrivals[0], at: 2000 });
    expect(orderOf(run)).toEqual([]);
  });
});
