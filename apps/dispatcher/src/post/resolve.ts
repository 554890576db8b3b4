import { lookup, type LookupAddress, promises } from 'node:dns';
import { NameError } from './errors.js';

/** Every address of a name. Rejects with an error of class `dns` when there is none. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

const TRY_MS = 2_000;
const TRIES = 2;
const LOOPBACK: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** As the machine resolves: its name servers, `/etc/hosts` and search domains. One thread for each name that is being resolved (UV_THREADPOOL_SIZE). */
export const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });

/** Asks these name servers (`address` or `address:port`) and nobody else. `localhost` is never asked for (RFC 6761, 6.3). */
export function resolveWith(servers: readonly string[]): Resolve {
  const resolver = new promises.Resolver({ timeout: TRY_MS, tries: TRIES });
  resolver.setServers(servers);
  return async (hostname) => {
    if (hostname === 'localhost' || hostname.endsWith('.localhost')) return LOOPBACK;
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = [
      ...(four.status === 'fulfilled' ? four.value.map((address): LookupAddress => ({ address, family: 4 })) : []),
      ...(six.status === 'fulfilled' ? six.value.map((address): LookupAddress => ({ address, family: 6 })) : []),
    ];
    if (found.length > 0) return found;
    throw new NameError('the name has no address', { cause: four.status === 'rejected' ? four.reason : undefined });
  };
}
