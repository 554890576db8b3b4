import {
  authorizationOf,
  type ClientTls,
  type KeyRing,
  mapSealed,
  type OAuth2,
  SealError,
  sealedPlaces,
  type Signing,
  type SigningKey,
  STANDARD_SIGNATURE,
  signingKey,
} from '@app/domain';
import type { StoredTarget } from '@app/storage';

/** What deliveries of a consumer are signed and authorized with, opened. */
export interface Unsealed {
  /** Flat list of name, value, name, value … */
  headers: string[];
  /** Set when deliveries need a token. */
  oauth: OAuth2 | undefined;
  tls: ClientTls | undefined;
  signing: Signing;
}

export const NOTHING_UNSEALED: Unsealed = {
  headers: [],
  oauth: undefined,
  tls: undefined,
  signing: { settings: STANDARD_SIGNATURE, keys: [] },
};

/**
 * Opens the secrets of a consumer. Throws SealError when one of them cannot be opened, because its key is not in the ring any more; of former signing
 * secrets those that can be opened are taken.
 */
export function unseal(stored: StoredTarget, ring: KeyRing): Unsealed {
  const places = sealedPlaces(stored);
  // Former signing secrets apart, for want of which nothing stops.
  const { sealedHeaders, auth, tls } = mapSealed({ ...stored, formerSecrets: null }, places, (sealed, place) => ring.open(sealed, place));
  const headers = Object.entries({ ...stored.headers, ...sealedHeaders }).flat();
  if (auth && auth.type !== 'oauth2') headers.push('authorization', authorizationOf(auth));
  return {
    headers,
    oauth: auth?.type === 'oauth2' ? auth : undefined,
    tls: tls ?? undefined,
    signing: signing(stored, ring, places.signing),
  };
}

function signing(stored: StoredTarget, ring: KeyRing, row: string): Signing {
  const present = signingKey(ring.open(stored.signingSecret, row));
  const former = (stored.formerSecrets ?? []).flatMap(({ sealed, until }) => {
    const key = until > Date.now() ? keyIfOpen(ring, sealed, row) : undefined;
    return key ? [{ key, until }] : [];
  });
  return { settings: stored.signature ?? STANDARD_SIGNATURE, keys: [{ key: present, until: Infinity }, ...former] };
}

function keyIfOpen(ring: KeyRing, sealed: string, row: string): SigningKey | undefined {
  try {
    return signingKey(ring.open(sealed, row));
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}
