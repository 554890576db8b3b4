import { timingSafeEqual } from 'node:crypto';
import { parseScopes, Problem, type Rate } from '@app/domain';
import type { ApiKey } from '@app/storage';
import type { Caller } from './caller.js';
import { hashOf, splitKey } from './key-text.js';

/** Revocation is seen within this; the promise is 2 s. */
const MAX_AGE_MS = 1_500;
/** From this age on a key that is in use is read again in the background, so that its requests never wait for the database. */
const REFRESH_MS = 750;
const MAX_KEYS = 10_000;
const UNKNOWN_AGE_MS = 1_000;
const MAX_UNKNOWN = 1_000;
/** Reads of keys at a time: made-up ids must not crowd out other work. */
const MAX_READS = 100;

const BEARER = /^bearer +([\x21-\x7e]{1,300})$/i;
const ADMIN: Caller = { keyId: 'admin', keyName: 'POSTHORN_ADMIN_KEY', producerId: null, scopes: [{ kind: 'admin' }] };

interface Entry {
  /** `performance.now()` before the row was read. */
  readonly readAt: number;
  readonly key: { readonly secretHash: Buffer; readonly expiresAtMs: number; readonly caller: Caller } | undefined;
}

/**
 * Who a request's key stands for. Rows are kept for 1.5 s, so that revocation, expiry and changes of scopes take effect within 2 s without
 * a statement for each request. Answers at once when the row is known, so that publishing does not wait for a turn of the event loop.
 */
export class KeyCheck {
  private readonly known = new Map<string, Entry>();
  private readonly unknown = new Map<string, Entry>();
  private readonly reads = new Map<string, { readonly startedAt: number; readonly entry: Promise<Entry> }>();
  private readonly adminHash: Buffer | undefined;
  /** An admin key may be any text, even one in the form of a stored key; usually only one of the two needs a hash for each request. */
  private readonly adminKeyLooksStored: boolean;

  constructor(
    private readonly keys: { find(id: string): Promise<ApiKey | null> },
    adminKey: string | undefined,
    /** Of keys that say nothing. */
    private readonly operatorsRate?: Rate,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.adminHash = adminKey === undefined ? undefined : hashOf(adminKey);
    this.adminKeyLooksStored = adminKey !== undefined && splitKey(adminKey) !== undefined;
  }

  /** Throws, or rejects with, {@link Problem} `unauthorized`: the same for a missing, unknown, wrong, expired and revoked key. */
  check(authorization: string | undefined): Caller | Promise<Caller> {
    const text = BEARER.exec(authorization ?? '')?.[1];
    if (text === undefined) throw unauthorized();
    const parts = splitKey(text);
    if (!parts || this.adminKeyLooksStored) {
      if (this.adminHash && timingSafeEqual(hashOf(text), this.adminHash)) return ADMIN;
      if (!parts) throw unauthorized();
    }
    const entry = this.fresh(parts.id);
    return entry ? callerOf(entry, parts.secret) : this.read(parts.id).then((read) => callerOf(read, parts.secret));
  }

  private fresh(id: string): Entry | undefined {
    const entry = this.known.get(id) ?? this.unknown.get(id);
    if (!entry) return undefined;
    const age = this.now() - entry.readAt;
    if (age > (entry.key ? MAX_AGE_MS : UNKNOWN_AGE_MS)) return undefined;
    if (entry.key && age > REFRESH_MS) this.read(id).catch(() => undefined);
    return entry;
  }

  /** One read of a row at a time; one that has taken too long is no longer joined. */
  private read(id: string): Promise<Entry> {
    const startedAt = this.now();
    const running = this.reads.get(id);
    if (running && startedAt - running.startedAt <= REFRESH_MS) return running.entry;
    if (this.reads.size >= MAX_READS) {
      return Promise.reject(new Problem('too-many-requests', 'too many keys are being looked up', { retryAfterSeconds: 1 }));
    }
    const entry = this.keys
      .find(id)
      .then((row) => this.keep(id, { readAt: startedAt, key: row ? keyOf(row, this.operatorsRate) : undefined }))
      .finally(() => {
        if (this.reads.get(id)?.entry === entry) this.reads.delete(id);
      });
    this.reads.set(id, { startedAt, entry });
    return entry;
  }

  private keep(id: string, entry: Entry): Entry {
    const [into, other, most] = entry.key ? [this.known, this.unknown, MAX_KEYS] : [this.unknown, this.known, MAX_UNKNOWN];
    other.delete(id);
    into.delete(id);
    if (into.size >= most) {
      for (const oldest of into.keys()) {
        into.delete(oldest);
        break;
      }
    }
    into.set(id, entry);
    return entry;
  }
}

function keyOf(row: ApiKey, operatorsRate: Rate | undefined): Entry['key'] {
  if (row.revokedAt) return undefined;
  const parsed = parseScopes(row.scopes);
  const scopes = 'scopes' in parsed ? parsed.scopes : [];
  return {
    secretHash: row.secretHash,
    expiresAtMs: row.expiresAt?.getTime() ?? Infinity,
    caller: { keyId: row.id, keyName: row.name, producerId: row.producerId, scopes, rate: row.rateLimit ?? operatorsRate },
  };
}

function callerOf({ key }: Entry, secret: string): Caller {
  if (!key || !timingSafeEqual(hashOf(secret), key.secretHash) || key.expiresAtMs <= Date.now()) throw unauthorized();
  return key.caller;
}

const unauthorized = (): Problem => new Problem('unauthorized', 'send Authorization: Bearer and an API key that is valid');
