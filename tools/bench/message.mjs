/**
 * Every message has its number in its payload, so that the sink knows which one arrived through any broker: `{"bench":"TAG:000000000042","data":"xxx…"}`.
 * The tag tells one run's messages from those of another.
 */
const digits = 12;

export const newTag = () => Math.random().toString(36).slice(2, 10).padEnd(8, '0');

/** The bytes of requests that publish a message of `payload` bytes to `path`; `body` is what the broker wants around it. */
export class Request {
  #bytes;
  #numberAt;

  constructor({ url, path, headers, payload, body, tag }) {
    const before = `{"bench":"${tag}:`;
    const after = '","data":"';
    const filling = 'x'.repeat(payload - before.length - digits - after.length - 2);
    const [head, tail] = body.split('{payload}');
    const content = Buffer.from(`${head}${before}${'0'.repeat(digits)}${after}${filling}"}${tail}`);
    const { host } = new URL(url);
    const all = { Host: host, 'Content-Type': 'application/json', ...headers, 'Content-Length': content.length };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const start = Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    this.#bytes = Buffer.concat([start, content]);
    this.#numberAt = start.length + Buffer.byteLength(head) + before.length;
    this.bodyAt = start.length;
  }

  /** A whole request, head and body, for message `number`. */
  bytes(number) {
    const bytes = Buffer.from(this.#bytes);
    bytes.write(String(number).padStart(digits, '0'), this.#numberAt, 'latin1');
    return bytes;
  }
}

/** Finds the number in what came of a delivery so far; undefined when it is not there (yet). */
export function numberFinder(tag) {
  const marker = `${tag}:`;
  return (text) => {
    const at = text.indexOf(marker);
    if (at === -1 || text.length < at + marker.length + digits) return undefined;
    const number = Number(text.slice(at + marker.length, at + marker.length + digits));
    return Number.isInteger(number) ? number : undefined;
  };
}
