import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { buildConnector } from 'undici';
import { type Cidr, isAddress, judgeAddress } from '@app/domain';
import { BlockedTargetError } from './errors.js';

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * Connects only to vetted addresses: a name is resolved once, refused when any of its addresses is blocked, and the connection goes to what was vetted,
 * so that a second answer of the name server cannot redirect it. Host header and SNI stay the name.
 */
export function guardedConnect(allowed: readonly Cidr[], timeoutMs: number): buildConnector.connector {
  const isAllowed = (address: string): boolean => judgeAddress(address, allowed).ok;
  const vettedLookup = (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (addresses.length === 0 || !addresses.every(({ address }) => isAllowed(address))) {
        return callback(new BlockedTargetError('the name resolves to a blocked address'), []);
      }
      return options.all ? callback(null, addresses) : callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
  const connect = buildConnector({ timeout: timeoutMs, lookup: vettedLookup, minVersion: 'TLSv1.2', rejectUnauthorized: true });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isAddress(host) && !isAllowed(host)) return callback(new BlockedTargetError('the address is blocked'), null);
    return connect(options, callback);
  };
}
