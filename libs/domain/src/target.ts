import { type Cidr, isAddress, judgeAddress } from './address.js';

/** What an operator lets through: ALLOW_HTTP_TARGETS and ALLOWED_TARGETS. */
export interface TargetRules {
  readonly allowHttp: boolean;
  readonly allowed: readonly Cidr[];
}

/** Why a URL may not be a target. A class that a user may see: it says nothing about our network. */
export type TargetRefusal = 'too-long' | 'not-a-url' | 'scheme' | 'credentials' | 'fragment' | 'host' | 'blocked-address';

export type UrlVerdict =
  /** `address` is there when the host is a literal address, which is then vetted: no brackets. */
  { readonly ok: true; readonly url: URL; readonly address?: string } | { readonly ok: false; readonly reason: TargetRefusal };

const MAX_LENGTH = 2048;
/** WHATWG URL drops tabs and line ends and trims blanks, silently; a URL that needs this was not meant. */
const BLANK = /[\s\p{Cc}]/u;

const messages: Record<TargetRefusal, string> = {
  'too-long': `must be at most ${MAX_LENGTH} characters`,
  'not-a-url': 'must be an absolute URL without blanks',
  scheme: 'must begin with https://',
  credentials: 'must not hold a user or a password',
  fragment: 'must not hold a fragment',
  host: 'must name a host that ends without a dot',
  'blocked-address': 'points to an address that is not allowed',
};

export const refusalMessage = (reason: TargetRefusal): string => messages[reason];

/**
 * Whether a URL may be the target of deliveries. The same judgement for create, test and delivery: of the parsed URL (WHATWG), so that
 * `https://0x7f.1` is 127.0.0.1. A host that is a name is judged again by `judgeAddress` for each address it resolves to; `localhost`
 * is judged as the loopback address it always is (RFC 6761, 6.3).
 */
export function judgeUrl(text: string, options: TargetRules): UrlVerdict {
  if (text.length > MAX_LENGTH) return refused('too-long');
  if (BLANK.test(text) || !URL.canParse(text)) return refused('not-a-url');
  const url = new URL(text);
  if (url.href.length > MAX_LENGTH) return refused('too-long');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && options.allowHttp)) return refused('scheme');
  if (url.username !== '' || url.password !== '') return refused('credentials');
  if (text.includes('#')) return refused('fragment');

  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '' || host.endsWith('.')) return refused('host');
  if (isAddress(host)) return judgeAddress(host, options.allowed).ok ? { ok: true, url, address: host } : refused('blocked-address');
  if (isLocalhost(host) && !loopback.some((ip) => judgeAddress(ip, options.allowed).ok)) return refused('blocked-address');
  return { ok: true, url };
}

const loopback = ['127.0.0.1', '::1'];
const isLocalhost = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost');
const refused = (reason: TargetRefusal): UrlVerdict => ({ ok: false, reason });
