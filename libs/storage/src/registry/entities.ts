import type {
  Auth,
  AutoRedrive,
  BatchSettings,
  BreakerSettings,
  ClientTls,
  Exhausted,
  FilterJson,
  FormerSecret,
  Ordering,
  Rate,
  RateLimit,
  RetryPolicy,
  SignatureSettings,
} from '@app/domain';
import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** The broadcast highway that messages go to. */
@Entity('channel')
export class Channel {
  @PrimaryGeneratedColumn({ type: 'int', unsigned: true }) id!: number;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'varchar' }) description!: string;
  @Column({ type: 'json', nullable: true }) retry!: RetryPolicy | null;
  @Column({ name: 'retention_days', type: 'smallint', nullable: true }) retentionDays!: number | null;
  /** false: what is first accepted is first claimed, whatever its priority. */
  @Column({ type: 'boolean' }) priorities!: boolean;
  /** For its consumers; 0: never; null: the dispatcher's DISABLE_AFTER_SECONDS. */
  @Column({ name: 'disable_after_seconds', type: 'int', nullable: true }) disableAfterSeconds!: number | null;
  /** Unfinished deliveries beyond which nothing is accepted; null: what the operator says for all channels. */
  @Column({ name: 'max_backlog', type: 'int', unsigned: true, nullable: true }) maxBacklog!: number | null;
  @Column({ type: 'int' }) version!: number;
  @Column({ name: 'created_at', type: 'datetime', precision: 3 }) createdAt!: Date;
  @Column({ name: 'updated_at', type: 'datetime', precision: 3 }) updatedAt!: Date;
}

/** A system that publishes to channels. */
@Entity('producer')
export class Producer {
  @PrimaryGeneratedColumn({ type: 'int', unsigned: true }) id!: number;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'varchar' }) description!: string;
  @Column({ type: 'int' }) version!: number;
  @Column({ name: 'created_at', type: 'datetime', precision: 3 }) createdAt!: Date;
  @Column({ name: 'updated_at', type: 'datetime', precision: 3 }) updatedAt!: Date;
}

/** A system registered on one channel. */
@Entity('consumer')
export class Consumer {
  @PrimaryGeneratedColumn({ type: 'int', unsigned: true }) id!: number;
  @Column({ name: 'channel_id', type: 'int' }) channelId!: number;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'varchar' }) description!: string;
  @Column({ type: 'varchar' }) type!: 'push' | 'pull';
  @Column({ type: 'varchar', nullable: true }) url!: string | null;
  /** One attempt in total; null: the dispatcher's DELIVERY_TIMEOUT_MS. */
  @Column({ name: 'timeout_ms', type: 'int', nullable: true }) timeoutMs!: number | null;
  @Column({ name: 'max_in_flight', type: 'smallint', nullable: true }) maxInFlight!: number | null;
  @Column({ type: 'json', nullable: true }) retry!: RetryPolicy | null;
  /** Static headers of every delivery, as versions stored them that did not seal their values. */
  @Column({ type: 'json', nullable: true }) headers!: Record<string, string> | null;
  /** Static headers of every delivery; each value is sealed in the context `consumer/<channel>/<consumer>/headers/<name in lower case>`. */
  @Column({ name: 'sealed_headers', type: 'json', nullable: true }) sealedHeaders!: Record<string, string> | null;
  /** Its one secret is sealed in the context `consumer/<channel>/<consumer>/auth/<name of the field>`. */
  @Column({ type: 'json', nullable: true }) auth!: Auth | null;
  /** The private key is sealed in the context `consumer/<channel>/<consumer>/tls/privateKey`. */
  @Column({ type: 'json', nullable: true }) tls!: ClientTls | null;
  /** Sealed; see KeyRing. The context is `consumer/<channel name>/<consumer name>`. */
  @Column({ name: 'signing_secret', type: 'varchar' }) signingSecret!: string;
  /** Of the signing secret, where it is an asymmetric key. */
  @Column({ name: 'public_key', type: 'varchar', nullable: true }) publicKey!: string | null;
  /** Newest first; sealed in the same context. */
  @Column({ name: 'former_secrets', type: 'json', nullable: true }) formerSecrets!: FormerSecret[] | null;
  /** null: as the Standard Webhooks specification says, scheme `v1`. */
  @Column({ type: 'json', nullable: true }) signature!: SignatureSettings | null;
  /** null: every message of the channel. */
  @Column({ type: 'json', nullable: true }) filter!: FilterJson | null;
  /** null: each message in a POST of its own. */
  @Column({ type: 'json', nullable: true }) batch!: BatchSettings | null;
  /** null: as fast as it answers. */
  @Column({ name: 'rate_limit', type: 'json', nullable: true }) rateLimit!: RateLimit | null;
  /** Requests a second until its backlog is worked off; null: none is held back. */
  @Column({ name: 'resume_rate', type: 'double', nullable: true }) resumeRate!: number | null;
  @Column({ name: 'resumed_at', type: 'datetime', precision: 3, nullable: true }) resumedAt!: Date | null;
  @Column({ type: 'varchar' }) ordering!: Ordering;
  /** What becomes of a key, with that ordering, whose first message is dead. */
  @Column({ name: 'ordering_exhausted', type: 'varchar' }) orderingExhausted!: Exhausted;
  /** What is redriven when it is well again; null: nothing. */
  @Column({ name: 'auto_redrive', type: 'json', nullable: true }) autoRedrive!: AutoRedrive | null;
  @Column({ name: 'paused_at', type: 'datetime', precision: 3, nullable: true }) pausedAt!: Date | null;
  @Column({ name: 'disabled_at', type: 'datetime', precision: 3, nullable: true }) disabledAt!: Date | null;
  @Column({ name: 'disabled_reason', type: 'varchar', nullable: true }) disabledReason!: string | null;
  /** It answered 429 or 503: nothing is claimed for it before this. */
  @Column({ name: 'hold_until', type: 'datetime', precision: 3, nullable: true }) holdUntil!: Date | null;
  /** Of its circuit breaker; false: none; null: the default. */
  @Column({ type: 'json', nullable: true }) breaker!: BreakerSettings | false | null;
  /** null: the breaker is closed. Else nothing is claimed before this, and after it by whoever has the right to probe, which runs out then. */
  @Column({ name: 'breaker_until', type: 'datetime', precision: 3, nullable: true }) breakerUntil!: Date | null;
  @Column({ name: 'breaker_opened_at', type: 'datetime', precision: 3, nullable: true }) breakerOpenedAt!: Date | null;
  @Column({ name: 'breaker_reason', type: 'varchar', nullable: true }) breakerReason!: string | null;
  /** How often in a row it has opened. */
  @Column({ name: 'breaker_openings', type: 'smallint' }) breakerOpenings!: number;
  /** Probes that succeeded since it opened last. */
  @Column({ name: 'breaker_passed', type: 'smallint' }) breakerPassed!: number;
  /** The token of the claim that is the probe. */
  @Column({ name: 'breaker_probe', type: 'bigint', nullable: true }) breakerProbe!: string | null;
  /** Counts openings and closings, and whatever else makes what was seen before void. */
  @Column({ name: 'breaker_epoch', type: 'int' }) breakerEpoch!: number;
  /** Since when it has had nothing but failures. */
  @Column({ name: 'failing_since', type: 'datetime', precision: 3, nullable: true }) failingSince!: Date | null;
  /** At least so many since then. */
  @Column({ name: 'failing_attempts', type: 'int' }) failingAttempts!: number;
  /** 0: never; null: as the channel says. */
  @Column({ name: 'disable_after_seconds', type: 'int', nullable: true }) disableAfterSeconds!: number | null;
  @Column({ type: 'int' }) version!: number;
  @Column({ name: 'created_at', type: 'datetime', precision: 3 }) createdAt!: Date;
  @Column({ name: 'updated_at', type: 'datetime', precision: 3 }) updatedAt!: Date;
}

/** A key; only the SHA-256 of its secret part is stored. */
@Entity('api_key')
export class ApiKey {
  /** The public part, by which the row is found. */
  @PrimaryColumn({ type: 'char' }) id!: string;
  @Column({ name: 'secret_hash', type: 'binary' }) secretHash!: Buffer;
  @Column({ type: 'varchar' }) name!: string;
  @Column({ type: 'json' }) scopes!: string[];
  @Column({ name: 'producer_id', type: 'int', nullable: true }) producerId!: number | null;
  @Column({ name: 'expires_at', type: 'datetime', precision: 3, nullable: true }) expiresAt!: Date | null;
  @Column({ name: 'revoked_at', type: 'datetime', precision: 3, nullable: true }) revokedAt!: Date | null;
  @Column({ name: 'created_at', type: 'datetime', precision: 3 }) createdAt!: Date;
  /** null: what the operator says for all keys. */
  @Column({ name: 'rate_limit', type: 'json', nullable: true }) rateLimit!: Rate | null;
}

export const entities = [Channel, Producer, Consumer, ApiKey];
