import { connect } from 'node:net';

/** A request as it goes over the wire: nothing is checked, escaped or added but `host`, `content-length` and `connection`. */
export interface RawRequest {
  method: string;
  /** With its query. */
  target: string;
  headers: readonly (readonly [string, string])[];
  body: Buffer | undefined;
}

export interface RawAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/** Nothing that we send may keep us waiting for longer. */
const PATIENCE_MS = 20_000;

/** Sends a request on a connection of its own, and answers what came back until the server closed it. Rejects when that is no HTTP answer. */
export function sendRaw(port: number, { method, target, headers, body }: RawRequest): Promise<RawAnswer> {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'host: 127.0.0.1',
    'connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body ? [`content-length: ${body.length}`] : []),
  ];
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
      if (body) socket.write(body);
    });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => chunks.push(chunk));
    // A server that has refused a request need not read all of it: what it said before the reset counts.
    socket.on('error', (error) => (chunks.length === 0 ? reject(error) : undefined));
    socket.on('close', () => {
      try {
        resolve(read(Buffer.concat(chunks)));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function read(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  const [start = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(start) ?? [];
  if (end < 0 || status === undefined) throw new Error(`no HTTP answer: ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`);
  // `100 Continue` comes before the answer.
  if (status === '100') return read(bytes.subarray(end + 4));
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = bytes.subarray(end + 4);
  return { status: Number(status), headers, body: headers['transfer-encoding'] === 'chunked' ? unchunk(body) : body };
}

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (line < 0 || Number.isNaN(size)) throw new Error('a chunk is broken');
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
