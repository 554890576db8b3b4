import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { statusOf } from './answer.mjs';
import { nowMs } from './clock.mjs';

const answerWithinMs = 10_000;
const largestAnswer = 64 * 1024;
/** Messages at planned moments may need more connections than a second has messages when the broker stalls; beyond this they wait, and that is counted. */
const mostConnections = 256;

/**
 * Speaks HTTP/1.1 on plain sockets: prepared bytes go out, and of each answer only the status is read, because every millisecond of CPU it takes is
 * missing in the broker beside it.
 */
export class Generator {
  #order;
  #requests;
  #journal;
  #url;
  #idle = [];
  #waiting = [];
  #open = 0;
  /** Which request is sent when: indexes, over and over. */
  #turns;
  #turn = 0;
  #outstanding = 0;
  #over = false;

  constructor(order, requests, journal) {
    this.#order = order;
    this.#requests = requests;
    this.#journal = journal;
    this.#turns = order.turns ?? [...requests.keys()];
    this.#url = new URL(order.url);
  }

  /** Every connection sends its next message as soon as the last one is answered. */
  keepBusy() {
    for (let count = 0; count < this.#order.connections; count += 1) {
      const connection = this.#newConnection();
      const again = () => this.#send(connection, nowMs(), again);
      again();
    }
  }

  /** A message at every planned moment from now on, however long the answers take. */
  paced() {
    const everyMs = 1000 / this.#order.rate;
    const startedAt = nowMs();
    let count = 0;
    const tick = () => {
      for (let now = nowMs(); !this.#over; now = nowMs()) {
        const due = startedAt + count * everyMs;
        if (due > now) {
          setTimeout(tick, due - now);
          return;
        }
        count += 1;
        this.#publish(due);
      }
    };
    tick();
  }

  #publish(due) {
    let connection = this.#idle.pop();
    if (!connection && this.#open < mostConnections) connection = this.#newConnection();
    if (!connection) {
      this.#waiting.push(due);
      return;
    }
    this.#journal.late(nowMs() - due);
    this.#send(connection, due, () => {
      this.#idle.push(connection);
      if (this.#waiting.length > 0) this.#publish(this.#waiting.shift());
    });
  }

  #newConnection() {
    this.#open += 1;
    return { socket: undefined, text: '', pending: undefined };
  }

  /** `due` is when the message was to be sent: what it waited for us or for a connection counts. */
  #send(connection, due, whenAnswered) {
    const { socket } = connection;
    const usable = socket && !socket.destroyed && socket.writable ? socket : this.#dial(connection);
    const path = this.#turns[this.#turn];
    this.#turn = (this.#turn + 1) % this.#turns.length;
    const number = this.#journal.begin();
    this.#outstanding += 1;
    connection.text = '';
    connection.pending = { number, path, due, whenAnswered };
    usable.write(this.#requests[path].bytes(number));
  }

  #dial(connection) {
    const { protocol, hostname, port } = this.#url;
    const secure = protocol === 'https:';
    const host = hostname.replace(/^\[|\]$/g, '');
    const options = { host, port: Number(port || (secure ? 443 : 80)), noDelay: true };
    const socket = secure ? connectTls({ ...options, servername: host }) : connect(options);
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
      this.#journal.failed(reason ?? 'connection closed');
      // A broker that refuses connections is not helped by thousands of attempts a second.
      setTimeout(() => this.#ended(connection), 100);
    });
    socket.on('data', (text) => this.#read(connection, text));
    return socket;
  }

  #read(connection, text) {
    connection.text = connection.text ? connection.text + text : text;
    const status = statusOf(connection.text);
    if (status === undefined) {
      if (connection.text.length > largestAnswer) connection.socket.destroy(new Error('an answer too large'));
      return;
    }
    if (!connection.pending) return;
    this.#journal.answered(connection.pending, status);
    this.#ended(connection);
  }

  #ended(connection) {
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
    this.#journal.failed('never sent', this.#waiting.length);
    this.#journal.failed('never answered', this.#outstanding);
  }
}
