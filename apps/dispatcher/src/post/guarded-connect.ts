import type { LookupAddress, LookupOptions } from 'node:dns';
import { buildConnector } from 'undici';
import { type Cidr, type ClientTls, isAddress, judgeAddress } from '@app/domain';
import { BlockedTargetError } from './errors.js';
import type { Resolve } from './resolve.js';

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** What the connections of a process have in common. */
export interface Guard {
  readonly allowed: readonly Cidr[];
  readonly resolve: Resolve;
}

/**
 * Connects only to vetted addresses: a name is resolved once, refused when any of its addresses is blocked, and the connection goes to what was vetted,
 * so that a second answer of the name server cannot redirect it. Host header and SNI stay the name. With `http2` TLS offers that as well; the socket says what was agreed.
 */
export function guardedConnect({ allowed, resolve }: Guard, timeoutMs: number, tls?: ClientTls, http2 = false): buildConnector.connector {
  const isAllowed = (address: string): boolean => judgeAddress(address, allowed).ok;
  const vetted = async (hostname: string): Promise<LookupAddress[]> => {
    const addresses = await resolve(hostname);
    if (addresses.length > 0 && addresses.every(({ address }) => isAllowed(address))) return addresses;
    throw new BlockedTargetError('the name resolves to a blocked address');
  };
  const vettedLookup = (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    const answer = (addresses: LookupAddress[]): void => {
      if (options.all) callback(null, addresses);
      else callback(null, addresses[0]!.address, addresses[0]!.family);
    };
    const refuse = (error: Error): void => callback(error, []);
    vetted(hostname).then(answer, refuse);
  };
  const connect = buildConnector({
    timeout: timeoutMs,
    allowH2: http2,
    lookup: vettedLookup,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    cert: tls?.certificate ?? undefined,
    key: tls?.privateKey ?? undefined,
    ca: tls?.ca ?? undefined,
  });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isAddress(host) && !isAllowed(host)) return callback(new BlockedTargetError('the address is blocked'), null);
    return connect(options, callback);
  };
}
