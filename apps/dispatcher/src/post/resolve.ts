import { lookup, type LookupAddress, promises } from 'node:dns';
import { NameError, ResolverError } from './errors.js';

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
    const reasons: unknown[] = [four, six].flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    throw new NameError('the name has no address', { cause: reasons.find((reason) => !isTemporary(reason)) ?? reasons[0] });
  };
}

/** What a resolver says that has no answer, for want of a name server that does or because the servers of the name fail. */
const TEMPORARY = new Set(['EAI_AGAIN', 'EAI_SYSTEM', 'ETIMEOUT', 'ECONNREFUSED', 'ESERVFAIL', 'EREFUSED', 'ECANCELLED']);

function isTemporary(error: unknown): boolean {
  if (error instanceof NameError) return isTemporary(error.cause);
  return error instanceof Error && 'code' in error && TEMPORARY.has(String(error.code));
}

/** The resolver has answered so recently that it is the name's own servers that fail. */
const RECENT_MS = 2_000;

/**
 * Tells a resolver that nobody gets an answer from, which is our failure ({@link ResolverError}), from a name whose own servers fail: by another name that it
 * could resolve before, which is asked for anew. While there is none, the failure is taken for ours.
 */
export function watchResolver(resolve: Resolve, now: () => number = () => performance.now()): Resolve {
  let answeredAt = -Infinity;
  let known: string | undefined;
  let asking: Promise<boolean> | undefined;
  const ask = (hostname: string): Promise<LookupAddress[]> =>
    resolve(hostname).then(
      (addresses) => {
        if (addresses !== LOOPBACK) answeredAt = now();
        return addresses;
      },
      (error: unknown) => {
        if (!isTemporary(error)) answeredAt = now();
        throw error;
      },
    );
  const answers = async (hostname: string): Promise<boolean> => {
    if (now() - answeredAt < RECENT_MS) return true;
    if (known === undefined || known === hostname) return false;
    asking ??= ask(known)
      .then(
        () => true,
        (error: unknown) => !isTemporary(error),
      )
      .finally(() => (asking = undefined));
    return asking;
  };
  return async (hostname) => {
    try {
      const addresses = await ask(hostname);
      if (addresses !== LOOPBACK) known = hostname;
      return addresses;
    } catch (error) {
      if (!isTemporary(error) || (await answers(hostname))) throw error;
      throw new ResolverError('no name server answers', { cause: error });
    }
  };
}
