export { accept, type AcceptOutcome, type Idempotency, type NewMessage } from './accept.js';
export { backlog, lanes, COUNT_LIMIT, type Backlog, type Lane } from './backlog.js';
export { activeLanes, claim, type Claimed, type ClaimResult, type LaneWish } from './claim.js';
export { Database, type Changed, type DatabaseOptions, type Session } from './database.js';
export { countDeadLetters, discard, listDeadLetters, redrive, type DeadLetter, type DeadLetterFilter, type Step } from './dead-letters.js';
export { CommitUnknownError, DatabaseError, isDuplicateKey, isUnavailable } from './errors.js';
export { FAN_OUT_STEP, fanOut, type FanOutResult } from './fan-out.js';
export { giveBack } from './give-back.js';
export { lead, LEADER_LEASE_MS, resign } from './leader.js';
export { loadMessages, loadTargets, type Outgoing, type StoredTarget } from './load-messages.js';
export { migrate, pendingMigrations } from './migrate.js';
export {
  buryNodes,
  dispatcherAddresses,
  HEARTBEAT_MS,
  Node,
  NODE_DEAD_MS,
  NoProcessNumberError,
  type DeadNode,
  type NodeKind,
} from './nodes.js';
export { makePartitions } from './partitions.js';
export { promote, untilNextRetry } from './promote.js';
export * from './reads.js';
export { assertFit, databaseChecks, selfTest, UnfitDatabaseError } from './self-test.js';
export { settle, type Settlement } from './settle.js';
export { sweepOrphans } from './sweep.js';
export { ApiKey, Channel, Consumer, Producer } from './registry/entities.js';
export { deadLetterCounts } from './dead-letter-counts.js';
export { type Precondition, type Put, type RegistryPage, type Versions } from './registry/precondition.js';
export { Channels, type ChannelSettings } from './registry/channels.js';
export { Producers, type ProducerSettings } from './registry/producers.js';
export { Consumers, type ConsumerSettings } from './registry/consumers.js';
export { ApiKeys, type ApiKeyPage, type NewApiKey, type OwnedApiKey } from './registry/api-keys.js';
export { StorageModule } from './storage.module.js';
