import { createHmac } from 'node:crypto';
import { messageOf, numberOf } from './workload.mjs';

const remembered = 500;

/** Judges what consumers get against what was published: exact bytes, headers, and the signature of Standard Webhooks. */
export class Judge {
  #seed;
  #secrets = new Map();
  #messages = new Map();

  constructor(seed) {
    this.#seed = seed;
  }

  /** `secret` is the `whsec_…` of `consumer`. */
  trust(consumer, secret) {
    this.#secrets.set(consumer, Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
  }

  /** The message's key, id and attempt, and a line for everything that is wrong with the delivery. */
  judge({ consumer, headers, body }) {
    const problems = [];
    const number = numberOf(body);
    if (number === undefined) problems.push(`the ${body.length} bytes are those of no message`);
    else problems.push(...this.#compare(number, headers, body));
    if (headers['posthorn-consumer'] !== consumer) problems.push(`posthorn-consumer is ${headers['posthorn-consumer']}`);
    if (!this.#signed(consumer, headers, body)) problems.push('the signature does not match');
    return {
      key: number === undefined ? undefined : `m-${number}`,
      id: headers['webhook-id'],
      attempt: Number(headers['posthorn-attempt']),
      problems,
    };
  }

  #compare(number, headers, body) {
    const message = this.#message(number);
    const wrong = Object.entries(message.expected).filter(([name, value]) => headers[name] !== value);
    return [
      ...(message.body.equals(body) ? [] : [`the ${body.length} bytes are not the ${message.body.length} that were published`]),
      ...wrong.map(([name, value]) => `${name} is ${headers[name]} and should be ${value}`),
    ];
  }

  #message(number) {
    const known = this.#messages.get(number) ?? messageOf(this.#seed, number);
    if (this.#messages.size >= remembered) this.#messages.delete(this.#messages.keys().next().value);
    this.#messages.set(number, known);
    return known;
  }

  #signed(consumer, headers, body) {
    const secret = this.#secrets.get(consumer);
    if (!secret) return false;
    const head = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`;
    const right = `v1,${createHmac('sha256', secret).update(head).update(body).digest('base64')}`;
    return headers['webhook-signature']?.split(' ').includes(right) ?? false;
  }
}
