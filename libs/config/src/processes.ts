import { type Cidr, isKeyOf, type KeyRing } from '@app/domain';
import { address, certificates, cidrs, databaseUrl, flag, integer, keyRing, nameServers, oneOf, privateKey, secretText } from './kinds.js';
import { ConfigError, type Environment, type Settings, readConfig } from './read-config.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What every process reads. Names and limits are those of docs/configuration.md, and a test compares them. */
export type ProcessConfig = {
  readonly databaseUrl: string;
  readonly databasePool: number;
  /** Longest that one statement may take, or wait for a free connection. */
  readonly databaseTimeoutMs: number;
  /** Statements that may wait for a free connection. */
  readonly databaseQueue: number;
  readonly keyRing: KeyRing;
  readonly opsPort: number;
  readonly opsHost: string;
  readonly rationalDelayMs: number;
  /** Consumers of a channel up to which deliveries are made in the transaction that accepts, or releases, its message. */
  readonly inlineFanout: number;
  readonly shutdownTimeoutMs: number;
  readonly logLevel: LogLevel;
};

type TargetConfig = {
  readonly allowedTargets: readonly Cidr[];
  readonly allowHttpTargets: boolean;
  /** An IP address, or `auto`: the first address of this machine that is not loopback. */
  readonly nudgeHost: string;
  readonly nudgePort: number;
};

export type IngestConfig = ProcessConfig &
  TargetConfig & {
    readonly adminKey: string | undefined;
    readonly port: number;
    readonly host: string;
    readonly maxBodyBytes: number;
    readonly acceptQueueMessages: number;
    readonly acceptQueueBytes: number;
    /** Messages in one transaction. */
    readonly acceptBatch: number;
    /** Items of one batch that a producer sends. */
    readonly publishBatchMessages: number;
    readonly publishBatchBytes: number;
    readonly maxConnections: number;
    /** Requests under way on one HTTP/2 connection. */
    readonly http2MaxStreams: number;
    /** PEM texts: with both of them the public port speaks TLS. */
    readonly tlsCert: string | undefined;
    readonly tlsKey: string | undefined;
    readonly requestTimeoutMs: number;
    /** Proxies in front of us, whose `X-Forwarded-For` says where a request came from. */
    readonly trustedProxies: readonly Cidr[];
    /** Requests of pull consumers for leases. */
    readonly maxPolls: number;
    readonly maxPollsPerConsumer: number;
    /** Payload bytes in one answer. */
    readonly pollAnswerBytes: number;
    /** Payload bytes in answers on their way. */
    readonly pollBytes: number;
    readonly pollFallbackMs: number;
    /** Jobs of one consumer that are running or paused. */
    readonly maxJobsPerConsumer: number;
    /** What one page of a list may look at. */
    readonly searchRows: number;
    readonly searchMs: number;
    /** Of every key that says nothing; 0: no limit. */
    readonly keyRatePerSecond: number;
    /** 0: one second's worth. */
    readonly keyRateBurst: number;
    /** Unfinished deliveries of every channel that says nothing; 0: no limit. */
    readonly maxBacklog: number;
  };

export type DispatcherConfig = ProcessConfig &
  TargetConfig & {
    readonly maxInFlight: number;
    readonly maxInFlightBytes: number;
    readonly maxInFlightPerConsumer: number;
    readonly deliveryTimeoutMs: number;
    readonly settleTimeMs: number;
    /** Of nothing but failures, after which a consumer is disabled; 0: never. */
    readonly disableAfterSeconds: number;
    /** Name servers, `address` or `address:port`; empty: those of the machine. */
    readonly dnsServers: readonly string[];
    /** Offer HTTP/2 to consumers by https. */
    readonly http2Targets: boolean;
  };

export type SchedulerConfig = ProcessConfig & {
  readonly auditRetentionDays: number;
  readonly jobRetentionDays: number;
  /** Rows in a consumer's lane at which its jobs wait. */
  readonly jobAheadRows: number;
};

/** Each throws ConfigError with every problem of the environment. */
export function readIngestConfig(env: Environment): IngestConfig {
  const config = readConfig(ingestSettings, env);
  const { tlsCert, tlsKey } = config;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new ConfigError(['TLS_CERT and TLS_KEY must both be set, or neither']);
  if (tlsCert !== undefined && tlsKey !== undefined && !isKeyOf(tlsKey, tlsCert))
    throw new ConfigError(['TLS_KEY must be the private key of the first certificate of TLS_CERT']);
  return config;
}

export const readDispatcherConfig = (env: Environment): DispatcherConfig => readConfig(dispatcherSettings, env);
export const readSchedulerConfig = (env: Environment): SchedulerConfig => readConfig(schedulerSettings, env);

const PORTS = [0, 65_535] as const;
const QUEUE_BYTES = [2 ** 20, 2 ** 32] as const;

const processSettings = (opsPort: number): Settings<ProcessConfig> => ({
  databaseUrl: databaseUrl('DATABASE_URL'),
  databasePool: integer('DATABASE_POOL', 10, [4, 200]),
  databaseTimeoutMs: integer('DATABASE_TIMEOUT_MS', 10_000, [1000, 30_000]),
  databaseQueue: integer('DATABASE_QUEUE', 1000, [1, 100_000]),
  keyRing: keyRing('POSTHORN_SECRET_KEY'),
  opsPort: integer('OPS_PORT', opsPort, PORTS),
  opsHost: address('OPS_HOST', '0.0.0.0'),
  rationalDelayMs: integer('RATIONAL_DELAY_MS', 5000, [100, 3_600_000]),
  inlineFanout: integer('INLINE_FANOUT', 100, [1, 1000]),
  shutdownTimeoutMs: integer('SHUTDOWN_TIMEOUT_MS', 25_000, [1000, 600_000]),
  logLevel: oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
});

const targetSettings: Settings<TargetConfig> = {
  allowedTargets: cidrs('ALLOWED_TARGETS'),
  allowHttpTargets: flag('ALLOW_HTTP_TARGETS', false),
  nudgeHost: address('NUDGE_HOST', '127.0.0.1', 'auto'),
  nudgePort: integer('NUDGE_PORT', 0, PORTS),
};

export const ingestSettings: Settings<IngestConfig> = {
  ...processSettings(9090),
  ...targetSettings,
  adminKey: secretText('POSTHORN_ADMIN_KEY', [24, 200]),
  port: integer('PORT', 8080, PORTS),
  host: address('HOST', '0.0.0.0'),
  maxBodyBytes: integer('MAX_BODY_BYTES', 1_048_576, [1, 8_388_608]),
  acceptQueueMessages: integer('ACCEPT_QUEUE_MESSAGES', 10_000, [1, 1_000_000]),
  acceptQueueBytes: integer('ACCEPT_QUEUE_BYTES', 67_108_864, QUEUE_BYTES),
  acceptBatch: integer('ACCEPT_BATCH', 256, [1, 500]),
  publishBatchMessages: integer('PUBLISH_BATCH_MESSAGES', 1000, [1, 5000]),
  publishBatchBytes: integer('PUBLISH_BATCH_BYTES', 8_388_608, [1024, 33_554_432]),
  maxConnections: integer('MAX_CONNECTIONS', 10_000, [10, 1_000_000]),
  http2MaxStreams: integer('HTTP2_MAX_STREAMS', 100, [1, 1000]),
  tlsCert: certificates('TLS_CERT'),
  tlsKey: privateKey('TLS_KEY'),
  requestTimeoutMs: integer('REQUEST_TIMEOUT_MS', 30_000, [1000, 300_000]),
  trustedProxies: cidrs('TRUSTED_PROXIES'),
  maxPolls: integer('MAX_POLLS', 1000, [1, 100_000]),
  maxPollsPerConsumer: integer('MAX_POLLS_PER_CONSUMER', 200, [1, 100_000]),
  pollAnswerBytes: integer('POLL_ANSWER_BYTES', 4_194_304, [2 ** 20, 2 ** 26]),
  pollBytes: integer('POLL_BYTES', 67_108_864, QUEUE_BYTES),
  pollFallbackMs: integer('POLL_FALLBACK_MS', 1000, [50, 600_000]),
  maxJobsPerConsumer: integer('MAX_JOBS_PER_CONSUMER', 10, [1, 1000]),
  searchRows: integer('SEARCH_ROWS', 20_000, [500, 10_000_000]),
  searchMs: integer('SEARCH_MS', 20, [1, 10_000]),
  keyRatePerSecond: integer('KEY_RATE_PER_SECOND', 0, [0, 1_000_000]),
  keyRateBurst: integer('KEY_RATE_BURST', 0, [0, 1_000_000]),
  maxBacklog: integer('MAX_BACKLOG', 0, [0, 10_000_000]),
};

export const dispatcherSettings: Settings<DispatcherConfig> = {
  ...processSettings(9091),
  ...targetSettings,
  maxInFlight: integer('MAX_IN_FLIGHT', 1024, [1, 10_000]),
  maxInFlightBytes: integer('MAX_IN_FLIGHT_BYTES', 67_108_864, QUEUE_BYTES),
  maxInFlightPerConsumer: integer('MAX_IN_FLIGHT_PER_CONSUMER', 64, [1, 1000]),
  deliveryTimeoutMs: integer('DELIVERY_TIMEOUT_MS', 15_000, [100, 120_000]),
  settleTimeMs: integer('SETTLE_TIME_MS', 10_000, [1000, 60_000]),
  disableAfterSeconds: integer('DISABLE_AFTER_SECONDS', 432_000, [0, 31_536_000]),
  dnsServers: nameServers('DNS_SERVERS'),
  http2Targets: flag('HTTP2_TARGETS', true),
};

export const schedulerSettings: Settings<SchedulerConfig> = {
  ...processSettings(9092),
  auditRetentionDays: integer('AUDIT_RETENTION_DAYS', 400, [1, 3650]),
  jobRetentionDays: integer('JOB_RETENTION_DAYS', 30, [1, 3650]),
  jobAheadRows: integer('JOB_AHEAD_ROWS', 10_000, [500, 1_000_000]),
};
