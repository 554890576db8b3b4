import { type Auth, authSecrets } from './auth.js';
import type { ClientTls } from './client-tls.js';
import type { FormerSecret } from './secret-rotation.js';

/**
 * The places in a consumer's row that texts are sealed for: the context of `KeyRing`. A text that is moved to another row, or to another place of its row, does
 * not open.
 */
export const sealedPlaces = ({ channel, consumer }: { readonly channel: string; readonly consumer: string }) => {
  const row = `consumer/${channel}/${consumer}`;
  return {
    /** Of the present signing secret and of the former ones. */
    signing: row,
    header: (name: string): string => `${row}/headers/${name.toLowerCase()}`,
    auth: (type: Auth['type']): string => `${row}/auth/${authSecrets[type]}`,
    privateKey: `${row}/tls/privateKey`,
  };
};

export type SealedPlaces = ReturnType<typeof sealedPlaces>;

/** What is sealed in a consumer's row. */
export interface SealedColumns {
  readonly signingSecret: string;
  readonly formerSecrets: readonly FormerSecret[] | null;
  readonly sealedHeaders: Readonly<Record<string, string>> | null;
  readonly auth: Auth | null;
  readonly tls: ClientTls | null;
}

export const secretOf = (auth: Auth): string => {
  if (auth.type === 'basic') return auth.password;
  return auth.type === 'bearer' ? auth.token : auth.clientSecret;
};

export const withSecret = (auth: Auth, secret: string): Auth => ({ ...auth, [authSecrets[auth.type]]: secret });

/** The columns with each sealed text as `change` makes it, given the place that it is sealed for. */
export function mapSealed(columns: SealedColumns, places: SealedPlaces, change: (sealed: string, place: string) => string): SealedColumns {
  const { signingSecret, formerSecrets, sealedHeaders, auth, tls } = columns;
  const headers =
    sealedHeaders && Object.entries(sealedHeaders).map(([name, sealed]) => [name, change(sealed, places.header(name))] as const);
  return {
    signingSecret: change(signingSecret, places.signing),
    formerSecrets: formerSecrets && formerSecrets.map(({ sealed, until }) => ({ sealed: change(sealed, places.signing), until })),
    sealedHeaders: headers && Object.fromEntries(headers),
    auth: auth && withSecret(auth, change(secretOf(auth), places.auth(auth.type))),
    tls: tls && { ...tls, privateKey: tls.privateKey && change(tls.privateKey, places.privateKey) },
  };
}
