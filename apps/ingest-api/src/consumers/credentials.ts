import {
  type Auth,
  authSecrets,
  type ClientTls,
  type FieldProblem,
  isKeyOf,
  isSecretHeader,
  type KeyRing,
  MASK,
  Problem,
  SealError,
  type SealedPlaces,
  sealedPlaces,
  secretOf,
  withSecret,
} from '@app/domain';
import type { Consumer, CredentialColumns } from '@app/storage';
import type { SealedFor } from './signing-secrets.js';

/** What a request says that deliveries authorize themselves with. */
export interface CredentialWish {
  url: string | null;
  headers: Record<string, string> | null;
  auth: Auth | null;
  tls: ClientTls | null;
}

/** What may be shown of it: secrets are masked. */
export interface ShownCredentials {
  headers: Record<string, string>;
  auth: Auth | null;
  tls: ClientTls | null;
}

/**
 * Seals what deliveries authorize themselves with, each value for its place in the row of one consumer, and shows it without its secrets. A masked secret
 * keeps the one that is stored, so that what was read can be put back, but not when the URL moves to another origin: whoever may not read a secret must not
 * have it sent to a place of their choice.
 */
export class Credentials {
  constructor(private readonly ring: KeyRing) {}

  /** Throws {@link Problem} `validation-failed` naming each masked value that has nothing to keep. */
  settle(stored: Consumer | null, row: SealedFor, wish: CredentialWish): CredentialColumns {
    const problems: FieldProblem[] = [];
    const moved = stored !== null && originOf(stored.url) !== originOf(wish.url);
    const values = new Values(this.ring, sealedPlaces(row), moved, problems);
    const columns = {
      headers: null,
      sealedHeaders: this.headers(stored, wish.headers, values),
      auth: wish.auth && this.auth(stored?.auth ?? null, wish.auth, values),
      tls: wish.tls && this.tls(stored?.tls ?? null, wish.tls, values),
    };
    if (problems.length > 0) throw Problem.invalid(problems);
    return columns;
  }

  /** Values of headers that are no secret are shown; one that cannot be opened, because its key is lost, is masked. */
  show(stored: Consumer, row: SealedFor): ShownCredentials {
    const values = new Values(this.ring, sealedPlaces(row), false, []);
    const sealed = Object.entries(stored.sealedHeaders ?? {}).map(
      ([name, text]) => [name, values.open(text, values.places.header(name)) ?? MASK] as const,
    );
    const headers = [...Object.entries(stored.headers ?? {}), ...sealed].map(([name, value]) => [
      name,
      isSecretHeader(name) ? MASK : value,
    ]);
    return {
      headers: Object.fromEntries(headers),
      auth: stored.auth && withSecret(stored.auth, MASK),
      tls: stored.tls && { ...stored.tls, privateKey: stored.tls.privateKey && MASK },
    };
  }

  private headers(stored: Consumer | null, wish: Record<string, string> | null, values: Values): Record<string, string> | null {
    if (wish === null || Object.keys(wish).length === 0) return null;
    const known = new Map<string, Kept>([
      ...Object.entries(stored?.headers ?? {}).map(([name, plain]): [string, Kept] => [name.toLowerCase(), { plain }]),
      ...Object.entries(stored?.sealedHeaders ?? {}).map(([name, sealed]): [string, Kept] => [name.toLowerCase(), { sealed }]),
    ]);
    const entries = Object.entries(wish).map(([name, value]) => {
      const kept = known.get(name.toLowerCase());
      const masked = value === MASK && (isSecretHeader(name) || values.isLost(kept, values.places.header(name)));
      return [name, values.settle(value, masked, kept, values.places.header(name), `headers.${name}`)];
    });
    return Object.fromEntries(entries);
  }

  private auth(stored: Auth | null, wish: Auth, values: Values): Auth {
    const name = authSecrets[wish.type];
    const elsewhere = stored?.type === 'oauth2' && wish.type === 'oauth2' && originOf(stored.tokenUrl) !== originOf(wish.tokenUrl);
    const kept = stored?.type === wish.type ? { sealed: secretOf(stored) } : undefined;
    const secret = secretOf(wish);
    return withSecret(wish, values.settle(secret, secret === MASK, kept, values.places.auth(wish.type), `auth.${name}`, elsewhere));
  }

  private tls(stored: ClientTls | null, wish: ClientTls, values: Values): ClientTls {
    if (wish.privateKey === null) return wish;
    const kept = stored?.privateKey ? { sealed: stored.privateKey } : undefined;
    const masked = wish.privateKey === MASK;
    const sealed = values.settle(wish.privateKey, masked, kept, values.places.privateKey, 'tls.privateKey');
    const key = masked ? values.open(sealed, values.places.privateKey) : undefined;
    if (key !== undefined && wish.certificate !== null && !isKeyOf(key, wish.certificate)) {
      values.problems.push({
        field: 'tls.privateKey',
        message: 'that is stored is not the key of the first certificate: send the key as well',
      });
    }
    return { ...wish, privateKey: sealed };
  }
}

/** What is stored of a secret: sealed, or by a version that did not seal it. */
type Kept = { sealed: string } | { plain: string };

/** Seals and opens the values of one consumer. */
class Values {
  constructor(
    private readonly ring: KeyRing,
    readonly places: SealedPlaces,
    private readonly moved: boolean,
    readonly problems: FieldProblem[],
  ) {}

  /** Undefined when it cannot be opened. */
  open(sealed: string, place: string): string | undefined {
    try {
      return this.ring.open(sealed, place);
    } catch (error) {
      if (error instanceof SealError) return undefined;
      throw error;
    }
  }

  /** Whether it is stored and cannot be opened: then it is masked, whatever it is. */
  isLost(kept: Kept | undefined, place: string): boolean {
    return kept !== undefined && 'sealed' in kept && this.open(kept.sealed, place) === undefined;
  }

  /** The text to store: what is stored already when it is masked or the same, else the value, sealed. */
  settle(value: string, masked: boolean, kept: Kept | undefined, place: string, field: string, elsewhere = false): string {
    if (!masked) {
      const same = kept && 'sealed' in kept && this.open(kept.sealed, place) === value;
      return same ? kept.sealed : this.seal(value, place);
    }
    if (kept && !this.moved && !elsewhere) return 'sealed' in kept ? kept.sealed : this.seal(kept.plain, place);
    const why = kept ? `the ${elsewhere ? 'token endpoint' : 'url'} moves to another origin` : 'nothing is stored for it';
    this.problems.push({ field, message: `is masked, which keeps what is stored, but ${why}: send the value itself` });
    return '';
  }

  private seal(value: string, place: string): string {
    return this.ring.seal(value, place);
  }
}

const originOf = (url: string | null): string | null => (url !== null && URL.canParse(url) ? new URL(url).origin : null);
