import type { OAuth2 } from '@app/domain';
import type { Target } from '../lanes/targets.js';
import { BlockedTargetError, TokenEndpointError } from './errors.js';
import type { Pools } from './pools.js';

/** A token is not used in the last part of its life: a tenth of it, a minute at most. */
const MARGIN_SHARE = 0.1;
const MAX_MARGIN_S = 60;
/** For a token of which nobody says how long it lives. */
const UNKNOWN_LIFE_S = 300;
const MAX_LIFE_S = 86_400;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_KNOWN = 5_000;
const TOKEN = /^[\x21-\x7e]{1,16384}$/;

interface Entry {
  version: string;
  token?: string;
  /** Monotonic ms. */
  until: number;
  asking?: Promise<string>;
}

/**
 * Access tokens of consumers that want OAuth 2.0 client credentials (RFC 6749, 4.4): one for each consumer and process, kept until shortly before it
 * expires, asked for by one request at a time. The token endpoint is reached through the same guard as consumers, within the consumer's delivery timeout.
 */
export class Tokens {
  private readonly known = new Map<number, Entry>();

  constructor(
    private readonly pools: Pools,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Rejects with {@link TokenEndpointError}, or {@link BlockedTargetError} when the endpoint may not be a target. */
  of(target: Target, oauth: OAuth2): string | Promise<string> {
    const entry = this.entry(target);
    if (entry.token !== undefined && this.now() < entry.until) return entry.token;
    entry.asking ??= this.ask(target, oauth, entry).finally(() => (entry.asking = undefined));
    return entry.asking;
  }

  /** The consumer has answered 401 to this token: the next one is asked for, unless another attempt has done so. */
  refused(target: Target, token: string): void {
    const entry = this.known.get(target.consumerId);
    if (entry?.token === token) entry.token = undefined;
  }

  private entry({ consumerId, version }: Target): Entry {
    const found = this.known.get(consumerId);
    if (found?.version === version) return found;
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    const entry = { version, until: -Infinity };
    this.known.set(consumerId, entry);
    return entry;
  }

  private async ask(target: Target, oauth: OAuth2, entry: Entry): Promise<string> {
    const askedAt = this.now();
    const { token, lifeS } = await this.request(target, oauth).catch((error: unknown) => {
      if (error instanceof TokenEndpointError || isBlocked(error)) throw error;
      throw new TokenEndpointError('the token endpoint did not answer', { cause: error });
    });
    const life = Math.min(lifeS, MAX_LIFE_S);
    entry.token = token;
    entry.until = askedAt + 1000 * (life - Math.min(life * MARGIN_SHARE, MAX_MARGIN_S));
    return token;
  }

  private async request(target: Target, oauth: OAuth2): Promise<{ token: string; lifeS: number }> {
    const url = new URL(oauth.tokenUrl);
    const { headers, body } = tokenRequest(oauth);
    const response = await this.pools.forTokens(target, url).request({
      method: 'POST',
      path: url.pathname + url.search,
      headers,
      body,
      signal: AbortSignal.timeout(target.timeoutMs),
    });
    const text = await readAll(response.body);
    if (response.statusCode !== 200) throw new TokenEndpointError(`the token endpoint answered ${response.statusCode}`);
    return tokenIn(text);
  }
}

function tokenRequest({ clientId, clientSecret, clientAuth, scope, audience }: OAuth2): { headers: Record<string, string>; body: string } {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== null) form.set('scope', scope);
  if (audience !== null) form.set('audience', audience);
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'Posthorn/0.1',
  };
  if (clientAuth === 'post') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  } else {
    // RFC 6749, 2.3.1: both are form-encoded first.
    const [id, secret] = [clientId, clientSecret].map((text) => new URLSearchParams({ '': text }).toString().slice(1));
    headers['authorization'] = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  }
  return { headers, body: form.toString() };
}

async function readAll(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new TokenEndpointError('the answer of the token endpoint is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** RFC 6749, 5.1. Never repeats what was answered. */
function tokenIn(text: string): { token: string; lifeS: number } {
  const answer = parse(text);
  const { access_token: token, token_type: type, expires_in: life } = answer;
  if (typeof token !== 'string' || !TOKEN.test(token)) throw new TokenEndpointError('the token endpoint answered without an access token');
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    throw new TokenEndpointError('the token endpoint answered with no bearer token');
  const lifeS = Number(life ?? UNKNOWN_LIFE_S);
  return { token, lifeS: lifeS > 0 ? lifeS : UNKNOWN_LIFE_S };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // As below.
  }
  throw new TokenEndpointError('the token endpoint answered no JSON');
}

const isBlocked = (error: unknown): boolean =>
  error instanceof BlockedTargetError || (error instanceof Error && error.cause !== undefined && isBlocked(error.cause));
