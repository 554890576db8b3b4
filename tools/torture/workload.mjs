import { randomOf } from './random.mjs';

/** A channel for each way of fanning out: to one, to a few, and to more than are served in the accepting transaction (INLINE_FANOUT, 100). */
export const channels = ['solo', 'team', 'crowd'];
const teamSize = 5;
/** Those that get the messages of a key in order: one whose deliveries die and are redriven, one whose do not, and one of the crowd, which dispatchers fan out. */
export const ordered = ['team-2', 'team-4', 'crowd-1'];
/** Few, so that most messages have others of their key in front of them. */
const customers = 8;
/** One in fifty goes to the crowd. */
const crowdShare = 0.02;
const soloShare = 0.6;

const named = (channel, count) => Array.from({ length: count }, (_, number) => `${channel}-${number + 1}`);

/** The names of the consumers of each channel. */
export const consumersOf = (crowd) => ({ solo: named('solo', 1), team: named('team', teamSize), crowd: named('crowd', crowd) });

const contentTypes = [
  'application/json',
  'text/plain; charset=utf-8',
  'application/octet-stream',
  'application/vnd.torture+cbor; version=1',
];
const types = ['order.paid', 'order.shipped', 'user/created', 'a:b:c'];

/** What the body of a message with this key begins with, so that a consumer can tell what it should have got. */
const headOf = (key) => `${key}\n`;
const keyForm = /^m-(\d+)$/;

/**
 * The message with the number `n` (1, 2, …): always the same for the same seed. `headers` are those of the publish request, `expected` those that
 * consumers get. `repeat` is how its producer tries whether repeats are harmless: `twice` (at the same time), `again` (after the
 * answer), `changed` (again with another body, which must be refused) or undefined.
 */
export function messageOf(seed, n) {
  const random = randomOf(seed, `message ${n}`);
  const key = `m-${n}`;
  const where = random.next();
  const channel = where < crowdShare ? 'crowd' : where < crowdShare + soloShare ? 'solo' : 'team';
  const size = random.chance(0.04) ? random.whole(5_000, 60_000) : random.whole(0, 800);
  const body = Buffer.concat([Buffer.from(headOf(key)), random.bytes(size)]);
  const contentType = random.pick(contentTypes);
  const priority = random.chance(0.5) ? random.whole(0, 9) : undefined;
  const type = random.chance(0.4) ? random.pick(types) : undefined;
  const orderingKey = random.chance(0.3) ? `customer ${random.whole(1, customers)}` : undefined;
  const note = random.chance(0.3) ? `note ${random.whole(1, 1e6)}` : undefined;
  const kind = random.next();
  const repeat = kind < 0.05 ? 'twice' : kind < 0.15 ? 'again' : kind < 0.17 ? 'changed' : undefined;
  return {
    n,
    key,
    channel,
    orderingKey,
    body,
    repeat,
    headers: withoutUndefined({
      'content-type': contentType,
      'idempotency-key': key,
      'posthorn-priority': priority?.toString(),
      'posthorn-type': type,
      'posthorn-key': orderingKey,
      'posthorn-header-x-note': note,
    }),
    expected: {
      'content-type': contentType,
      'posthorn-channel': channel,
      'posthorn-priority': String(priority ?? 0),
      'posthorn-type': type,
      'x-note': note,
    },
  };
}

/** The number of the message that a body belongs to, or undefined when it is none of ours. */
export function numberOf(body) {
  const [, n] = keyForm.exec(body.toString('latin1', 0, Math.max(0, body.indexOf(10)))) ?? [];
  return n === undefined ? undefined : Number(n);
}

const withoutUndefined = (headers) => Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
