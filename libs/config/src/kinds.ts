import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type Cidr, KeyRing, parseCidrs } from '@app/domain';
import type { Setting } from './read-config.js';

/** The kinds of values that settings have. A parser without a message of its own leaves the limit to speak. */

export const integer = (name: string, fallback: number, [min, max]: readonly [number, number]): Setting<number> => ({
  name,
  secret: false,
  limit: `a whole number from ${min} to ${max}`,
  fallback: String(fallback),
  parse: (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : refuse();
  },
});

export const flag = (name: string, fallback: boolean): Setting<boolean> => ({
  name,
  secret: false,
  limit: 'true or false',
  fallback: String(fallback),
  parse: (text) => (text === 'true' || text === 'false' ? text === 'true' : refuse()),
});

export const oneOf = <Value extends string>(name: string, fallback: Value, values: readonly Value[]): Setting<Value> => ({
  name,
  secret: false,
  limit: `one of ${values.join(', ')}`,
  fallback,
  parse: (text) => values.find((value) => value === text) ?? refuse(),
});

export const address = (name: string, fallback: string, ...words: readonly string[]): Setting<string> => ({
  name,
  secret: false,
  limit: ['an IP address', ...words].join(' or '),
  fallback,
  parse: (text) => (isIP(text) !== 0 || words.includes(text) ? text : refuse()),
});

export const cidrs = (name: string): Setting<readonly Cidr[]> => ({
  name,
  secret: false,
  limit: 'CIDRs separated by commas',
  absent: { value: [] },
  parse: parseCidrs,
});

/** As `Resolver.setServers` of Node takes them. */
export const nameServers = (name: string): Setting<readonly string[]> => ({
  name,
  secret: false,
  limit: 'IP addresses, with a port if it is not 53 (192.0.2.1:5353, [2001:db8::1]:5353), separated by commas',
  absent: { value: [] },
  parse: (text) => text.split(',').map((part) => nameServer(part.trim())),
});

function nameServer(text: string): string {
  const [, bracketed, plain, port = '53'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isServer =
    isIP(text) !== 0 || ((isIP(bracketed ?? '') === 6 || isIP(plain ?? '') === 4) && Number(port) > 0 && Number(port) <= 65_535);
  return isServer ? text : refuse();
}

export const keyRing = (name: string): Setting<KeyRing> => ({
  name,
  secret: true,
  limit: 'base64 of 32 bytes; several, separated by commas',
  parse: (text) => KeyRing.parse(text),
});

export const secretText = (name: string, [min, max]: readonly [number, number]): Setting<string | undefined> => ({
  name,
  secret: true,
  limit: `${min} to ${max} printable characters without spaces`,
  absent: { value: undefined },
  parse: (text) => (/^[\x21-\x7e]+$/.test(text) && text.length >= min && text.length <= max ? text : refuse()),
});

/** The server's own certificate first, then those that lead to its root. */
export const certificates = (name: string): Setting<string | undefined> => ({
  name,
  secret: true,
  limit: 'PEM certificates (-----BEGIN CERTIFICATE-----)',
  absent: { value: undefined },
  parse: (text) => {
    const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0 || !found.every(isCertificate)) return refuse();
    return text;
  },
});

/** Of TLS, not encrypted. */
export const privateKey = (name: string): Setting<string | undefined> => ({
  name,
  secret: true,
  limit: 'a PEM private key (-----BEGIN PRIVATE KEY-----) that is not encrypted',
  absent: { value: undefined },
  parse: (text) => {
    try {
      createPrivateKey(text);
    } catch {
      return refuse();
    }
    return text;
  },
});

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

export const databaseUrl = (name: string): Setting<string> => ({
  name,
  secret: true,
  limit: 'mysql://user:password@host:port/database',
  parse: (text) => {
    if (!URL.canParse(text)) return refuse();
    const { protocol, hostname, username, pathname, searchParams } = new URL(text);
    if (protocol !== 'mysql:' || hostname === '' || username === '' || !/^\/[^/]+$/.test(pathname)) return refuse();
    const ssl = searchParams.get('ssl');
    if (ssl !== null && ssl !== 'true' && ssl !== 'false') throw new RangeError('ssl is true or false');
    return text;
  },
});

function refuse(): never {
  throw new RangeError('');
}
