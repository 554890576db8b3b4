/**
 * The load generator, a process of its own. It speaks HTTP/1.1 on plain sockets: the same bytes go out every time and of each answer only
 * the status and the id are read, because every millisecond of CPU it takes is missing in the broker beside it.
 */
import { connect } from 'node:net';
import { nowMs } from './clock.mjs';

const answerWithinMs = 10_000;
const largestAnswer = 64 * 1024;
/** A latency run may need more connections than messages a second when the broker stalls; beyond this they wait, and that is counted. */
const mostConnections = 256;

process.once('disconnect', () => process.exit(0));
process.once('message', (order) => {
  load(order).catch((error) => {
    console.error(error);
    process.exit(1);
  });
});

async function load(order) {
  const generator = new Generator(order);
  const startedAt = nowMs();
  const from = startedAt + order.warmUpSeconds * 1000;
  const until = from + order.seconds * 1000;
  at(from, () => process.send({ type: 'from' }));
  const ticker = setInterval(() => process.send({ type: 'progress', acknowledged: generator.acknowledged }), 500);
  if (order.rate === undefined) generator.keepBusy(until);
  else generator.paced(startedAt, until);
  await new Promise((resolve) => {
    at(until, resolve);
  });
  process.send({ type: 'until' });
  await generator.finish();
  clearInterval(ticker);
  process.send({ type: 'done', from, until, ...generator.results() }, () => process.disconnect());
}

function at(time, act) {
  setTimeout(() => act(), Math.max(0, time - nowMs()));
}

class Generator {
  #order;
  #request;
  #idle = [];
  #waiting = [];
  #lanes = 0;
  #outstanding = 0;
  #over = false;
  #ids = [];
  #times = [];
  #late = [];
  #sent = 0;
  #errors = {};

  constructor(order) {
    this.#order = order;
    this.#request = requestBytes(order);
  }

  get acknowledged() {
    return this.#ids.length;
  }

  /** Every connection sends its next message as soon as the last one is answered. */
  keepBusy(until) {
    for (let lane = 0; lane < this.#order.connections; lane += 1) {
      const again = () => {
        if (nowMs() < until && this.#sent < this.#order.mostMessages) this.#send(connection, nowMs(), again);
      };
      const connection = this.#open();
      again();
    }
  }

  /** A message at every planned moment, however long the answers take. */
  paced(startedAt, until) {
    const everyMs = 1000 / this.#order.rate;
    let number = 0;
    const tick = () => {
      for (let now = nowMs(); ; now = nowMs()) {
        const planned = startedAt + number * everyMs;
        if (planned >= until || this.#sent + this.#waiting.length >= this.#order.mostMessages) return;
        if (planned > now) {
          setTimeout(tick, planned - now);
          return;
        }
        number += 1;
        this.#publish(planned);
      }
    };
    tick();
  }

  #publish(planned) {
    let connection = this.#idle.pop();
    if (!connection && this.#lanes < mostConnections) connection = this.#open();
    if (!connection) {
      this.#waiting.push(planned);
      return;
    }
    this.#late.push(nowMs() - planned);
    this.#send(connection, planned, () => {
      this.#idle.push(connection);
      if (this.#waiting.length > 0 && !this.#over) this.#publish(this.#waiting.shift());
    });
  }

  #open() {
    this.#lanes += 1;
    return { socket: undefined, text: '', pending: undefined };
  }

  /** `planned` is when the message was due: what it waited for us or for a connection counts. */
  #send(connection, planned, whenAnswered) {
    const { socket } = connection;
    const fresh = socket && !socket.destroyed && socket.writable ? socket : this.#dial(connection);
    this.#sent += 1;
    this.#outstanding += 1;
    connection.text = '';
    connection.pending = { planned, whenAnswered };
    fresh.write(this.#request);
  }

  #dial(connection) {
    const { host, port } = this.#order;
    const socket = connect({ host, port, noDelay: true });
    connection.socket = socket;
    socket.setEncoding('latin1');
    socket.setTimeout(answerWithinMs, () => {
      if (connection.pending) socket.destroy(new Error('no answer in time'));
    });
    let reason;
    socket.on('error', (error) => {
      reason = error.code ?? error.message;
    });
    socket.on('close', () => {
      if (connection.socket !== socket || !connection.pending) return;
      this.#fail(reason ?? 'connection closed');
      // A broker that refuses connections is not helped by thousands of attempts a second.
      setTimeout(() => this.#answered(connection), 100);
    });
    socket.on('data', (text) => this.#read(connection, text));
    return socket;
  }

  #read(connection, text) {
    connection.text = connection.text ? connection.text + text : text;
    const answer = parseAnswer(connection.text);
    if (!answer) {
      if (connection.text.length > largestAnswer) connection.socket.destroy(new Error('an answer too large'));
      return;
    }
    if (!connection.pending) return;
    if (answer.status === 201 && answer.id) {
      this.#ids.push(answer.id);
      this.#times.push(connection.pending.planned, nowMs());
    } else {
      this.#fail(`status ${answer.status}`);
    }
    this.#answered(connection);
  }

  #fail(reason) {
    this.#errors[reason] = (this.#errors[reason] ?? 0) + 1;
  }

  #answered(connection) {
    const { whenAnswered } = connection.pending;
    connection.pending = undefined;
    this.#outstanding -= 1;
    if (!this.#over) whenAnswered();
  }

  /** Nothing new; what is under way gets its answer. */
  async finish() {
    this.#over = true;
    const deadline = nowMs() + answerWithinMs + 1000;
    while (this.#outstanding > 0 && nowMs() < deadline) {
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
    if (this.#waiting.length > 0) this.#errors['never sent'] = this.#waiting.length;
    if (this.#outstanding > 0) this.#errors['never answered'] = this.#outstanding;
  }

  /** `times` has two entries for each id: when it was due and when it was acknowledged. */
  results() {
    return {
      ids: this.#ids.join(' '),
      times: Float64Array.from(this.#times),
      late: Float64Array.from(this.#late),
      sent: this.#sent,
      errors: this.#errors,
    };
  }
}

function requestBytes({ host, port, path, key, payload }) {
  const body = JSON.stringify({ data: 'x'.repeat(payload - '{"data":""}'.length) });
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The status and the message's id once the answer is complete; the broker always tells the length. */
function parseAnswer(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const length = /content-length: *(\d+)/i.exec(text)?.[1];
  if (length === undefined || text.length < end + 4 + Number(length)) return undefined;
  return { status: Number(text.slice(9, 12)), id: /"id":"(\d+)"/.exec(text)?.[1] };
}
