import type { Server } from 'node:https';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { IngestConfig } from '@app/config';
import { type Log, Repeat, STALE_MS } from '@app/runtime';

const LOOK_EVERY_MS = 10_000;

type Certificate = Pick<IngestConfig, 'tlsCert' | 'tlsKey'>;

const contextOf = ({ tlsCert: cert, tlsKey: key }: Certificate): SecureContextOptions => ({ cert, key, minVersion: 'TLSv1.2' });

/** For a server that speaks TLS 1.2 and above, with HTTP/2 for clients that offer it; undefined when there is no certificate. */
export const tlsOptions = (config: Certificate): TlsOptions | undefined =>
  config.tlsCert === undefined ? undefined : { ...contextOf(config), ALPNProtocols: ['h2', 'http/1.1'] };

/**
 * Looks every 10 s, and whenever it is woken, whether the certificate has changed: new connections get the new one, the others keep theirs. One that cannot be read
 * changes nothing, and is logged.
 */
export function renewCertificates(server: Server, first: Certificate, read: () => Certificate, log: Log): Repeat {
  let current = first;
  const renew = (): void => {
    const { tlsCert, tlsKey } = read();
    if (tlsCert === undefined || (tlsCert === current.tlsCert && tlsKey === current.tlsKey)) return;
    const context = contextOf({ tlsCert, tlsKey });
    // Throws what is wrong with it, before the server has it.
    createSecureContext(context);
    server.setSecureContext(context);
    current = { tlsCert, tlsKey };
    log.info('tls.renewed');
  };
  return new Repeat({
    name: 'certificates',
    log,
    staleAfterMs: STALE_MS,
    doOnce: async () => {
      renew();
      return LOOK_EVERY_MS;
    },
  });
}
