import { createHmac } from 'node:crypto';
import { Judge } from './arrival.mjs';
import { messageOf } from './workload.mjs';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const consumer = 'team-1';

/** What is wrong with the delivery of a message that was right, signed, and then changed by `spoil`. */
function problemsOf(spoil = () => {}) {
  const judge = new Judge(1);
  judge.trust(consumer, secret);
  const { expected, body } = messageOf(1, 5);
  const headers = {
    ...expected,
    'webhook-id': '123',
    'webhook-timestamp': '1614265330',
    'posthorn-consumer': consumer,
    'posthorn-attempt': '2',
  };
  const hmac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update('123.1614265330.')
    .update(body);
  headers['webhook-signature'] = `v1,${hmac.digest('base64')}`;
  const delivery = { consumer, headers, body: Buffer.from(body) };
  spoil(delivery);
  return judge.judge(delivery).problems;
}

it('has nothing against what was published', () => {
  expect(problemsOf()).toEqual([]);
});

it('sees a byte that is not right, which also breaks the signature', () => {
  const spoil = ({ body }) => (body[body.length - 1] ^= 1);
  expect(problemsOf(spoil)).toEqual([expect.stringContaining('are not the'), 'the signature does not match']);
});

it('sees bytes that nobody published', () => {
  const spoil = (delivery) => (delivery.body = Buffer.from('hello'));
  expect(problemsOf(spoil)).toEqual(['the 5 bytes are those of no message', 'the signature does not match']);
});

it.each(['content-type', 'posthorn-channel', 'posthorn-priority', 'posthorn-type', 'x-note', 'posthorn-consumer'])(
  'sees a wrong %s',
  (name) => {
    expect(problemsOf(({ headers }) => (headers[name] = 'wrong'))).toEqual([expect.stringContaining(`${name} is wrong`)]);
  },
);

it('sees a signature with another secret', () => {
  const spoil = ({ headers }) => (headers['webhook-signature'] = `v1,${'A'.repeat(43)}=`);
  expect(problemsOf(spoil)).toEqual(['the signature does not match']);
});

it('checks signatures as Standard Webhooks makes them, also while a secret rotates', () => {
  const judge = new Judge(1);
  judge.trust(consumer, secret);
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,other v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    'posthorn-consumer': consumer,
  };
  expect(judge.judge({ consumer, headers, body: Buffer.from('{"test": 2432232314}') }).problems).toEqual([
    'the 20 bytes are those of no message',
  ]);
});
