import {
  type FormerSecret,
  formerSecrets,
  judgeSigningSecret,
  type KeyRing,
  newSigningSecret,
  OVERLAP_SECONDS,
  Problem,
  publicKeyOf,
  SealError,
  sealedPlaces,
  type SignatureScheme,
  signingKey,
} from '@app/domain';
import type { Consumer, SecretColumns } from '@app/storage';

/** What a request wants of a consumer's signing secret. */
export interface SecretWish {
  scheme: SignatureScheme;
  /** The caller's own; null: ours. */
  secret: string | null;
}

/** Which row a secret is sealed for. */
export interface SealedFor {
  channel: string;
  consumer: string;
}

export interface Settled {
  columns: SecretColumns;
  /** The secret that the receiver must be given; null when it has it, or needs the public key alone. */
  made: string | null;
}

/** Makes, takes and replaces signing secrets, sealed for the row of one consumer. */
export class SigningSecrets {
  constructor(private readonly ring: KeyRing) {}

  /** For a PUT: a new consumer gets one; the present one stays unless the caller brings another, or it is not of the scheme that is asked for. */
  settle(stored: Consumer | null, row: SealedFor, wish: SecretWish, nowMs: number): Settled {
    if (!stored) return this.make(row, wish, [], true);
    const stays = wish.secret === null ? schemeOf(stored) === wish.scheme : this.isPresent(stored, row, wish.secret);
    if (stays) return { columns: columnsOf(stored, formerSecrets(null, stored.formerSecrets ?? [], Infinity, nowMs)), made: null };
    const former = formerSecrets(stored.signingSecret, stored.formerSecrets ?? [], OVERLAP_SECONDS.fallback, nowMs);
    return this.make(row, wish, former, wish.secret === null);
  }

  /** Replaces the secret: the former ones sign for `overlapSeconds` more. One that is the present one already only bounds the others. */
  rotate(stored: Consumer, row: SealedFor, secret: string | null, overlapSeconds: number, nowMs: number): Settled {
    const wish = { scheme: schemeOf(stored), secret };
    const problems = secret === null ? [] : judgeSigningSecret(secret, wish.scheme);
    if (problems.length > 0) throw Problem.invalid(problems);
    const stays = secret !== null && this.isPresent(stored, row, secret);
    const former = formerSecrets(stays ? null : stored.signingSecret, stored.formerSecrets ?? [], overlapSeconds, nowMs);
    if (stays) return { columns: columnsOf(stored, former), made: null };
    return this.make(row, wish, former, true);
  }

  private make(row: SealedFor, { scheme, secret }: SecretWish, former: FormerSecret[], tell: boolean): Settled {
    const text = secret ?? newSigningSecret(scheme);
    const columns = {
      signingSecret: this.ring.seal(text, sealedPlaces(row).signing),
      publicKey: publicKeyOf(signingKey(text)),
      formerSecrets: orNone(former),
    };
    return { columns, made: tell && scheme === 'v1' ? text : null };
  }

  /** A secret that cannot be opened, because its key is lost, is not the present one: it can be replaced. */
  private isPresent(stored: Consumer, row: SealedFor, secret: string): boolean {
    try {
      return this.ring.open(stored.signingSecret, sealedPlaces(row).signing) === secret;
    } catch (error) {
      if (error instanceof SealError) return false;
      throw error;
    }
  }
}

const schemeOf = ({ publicKey }: Consumer): SignatureScheme => (publicKey === null ? 'v1' : 'v1a');

const columnsOf = ({ signingSecret, publicKey }: Consumer, former: FormerSecret[]): SecretColumns => ({
  signingSecret,
  publicKey,
  formerSecrets: orNone(former),
});

const orNone = (former: FormerSecret[]): FormerSecret[] | null => (former.length > 0 ? former : null);
