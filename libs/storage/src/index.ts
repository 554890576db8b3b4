export { accept, type AcceptOutcome, findRepeats, type Idempotency, type NewMessage } from './accept.js';
export { acceptTest, isOver, type TestAcceptance } from './accept-test.js';
export { acceptWhole, type WholeOutcome } from './accept-whole.js';
export { type AttemptRow, findDelivered, listAttempts } from './attempts.js';
export { Audiences } from './audiences.js';
export { Audit, listAudit, pruneAudit, type AuditEntry, type AuditFilter, type AuditOutcome, type AuditRow } from './audit.js';
export { backlog, type Backlog } from './backlog.js';
export { cancel, type Cancellation } from './cancel.js';
export { channelBacklogs, maxBacklogs, scheduledBacklogs } from './channel-backlogs.js';
export { activeLanes, type ActiveLane, claim, type Claimed, type ClaimResult, type LaneWish } from './claim.js';
export { endResume } from './end-resume.js';
export { type LaneBound } from './key-rows.js';
export { clockSkewMs } from './clock.js';
export { Database, type Changed, type DatabaseOptions, type Session } from './database.js';
export { type DeadLetterFilter } from './dead-letter-filter.js';
export { countDeadLetters, discard, redrive, type Step } from './dead-letters.js';
export { CommitUnknownError, DatabaseError, isBusy, isDuplicateKey, isUnavailable, refusesWrites } from './errors.js';
export { FAN_OUT_STEP, fanOut, type FanOutResult } from './fan-out.js';
export { type Behind, type BoundLane, findBehind } from './find-behind.js';
export { giveBack } from './give-back.js';
export { type ConsumerChange } from './health/consumer-changes.js';
export { claimProbe, dueProbes, type Probe, releaseProbe, troubledConsumers } from './health/probe.js';
export { MAX_KEYS } from './key-rows.js';
export { lead, LEADER_LEASE_MS, resign } from './leader.js';
export { loadTargets, type Outgoing, type StoredTarget } from './load-messages.js';
export { migrate, pendingMigrations } from './migrate.js';
export {
  buryNodes,
  countNodes,
  dispatchers,
  HEARTBEAT_MS,
  Node,
  NODE_DEAD_MS,
  NoProcessNumberError,
  nudgeAddresses,
  type DeadNode,
  type NodeKind,
} from './nodes.js';
export { mayHeal, openFit } from './open-fit.js';
export { unblock } from './ordering/blocked.js';
export { enqueue, type Queued } from './ordering/enqueue.js';
export { blockingNobody, type KeyPlace } from './ordering/key-place.js';
export { loosen } from './ordering/loosen.js';
export { endsKey } from './ordering/release.js';
export { makePartitions } from './partitions.js';
export { promote, untilNextRetry } from './promote.js';
export * from './reads.js';
export { release, type Release, type ReleaseOptions } from './release.js';
export { type DeadLetter, searchDeadLetters } from './search/dead-letters.js';
export { type DeliveryFilter, searchDeliveries } from './search/deliveries.js';
export { type DeliveriesOf } from './search/delivery-places.js';
export { type MessageFilter, searchMessages } from './search/messages.js';
export { byPlace, type Found, fromKnown, type Place, search, type Search, type SearchBounds, type SearchPage } from './search/scan.js';
export { replaceSealed, sealedRows, type SealedRow } from './sealed-rows.js';
export { scheduledBacklog, untilNextScheduled } from './schedule.js';
export { assertFit, databaseChecks, SchemaBehindError, selfTest, UnfitDatabaseError } from './self-test.js';
export { oldestRows } from './oldest-rows.js';
export { dueLanes } from './pull/due-lanes.js';
export { type Extension, extendLeases } from './pull/extend-leases.js';
export { lease, type Leased, type LeaseResult, type LeaseWish } from './pull/lease.js';
export { findPullConsumer, type PullConsumer } from './pull/pull-consumer.js';
export { type PulledMessage } from './pull/pulled-messages.js';
export { type Judged, settleLeases, type Verdict } from './pull/settle-leases.js';
export { createJob, type JobConsumer, type NewJob } from './jobs/create-job.js';
export { type JobRow, type JobSettings } from './jobs/job-rows.js';
export { changeJob, countJobs, findJob, type JobFilter, listJobs, pruneJobs } from './jobs/jobs.js';
export { deadLetterFilterOf } from './jobs/dead-letter-step.js';
export { previewReplay } from './jobs/preview-replay.js';
export { dueJobs, jobFailed, type JobStep, stepJob, type StepParts, untilNextJob } from './jobs/step-job.js';
export { type AttemptTrace, settle, type Settlement, type Settling } from './settle.js';
export { sweepOrphans } from './sweep.js';
export { RetrySweep, sweepChannels } from './sweep-removed.js';
export { ApiKey, Channel, Consumer, Producer } from './registry/entities.js';
export { type Precondition, type Put, type RegistryPage, type Versions, type Write } from './registry/precondition.js';
export { Channels, type ChannelSettings } from './registry/channels.js';
export { Producers, type ProducerSettings } from './registry/producers.js';
export { Consumers, type NewHistory, type ConsumerSettings, type CredentialColumns, type SecretColumns } from './registry/consumers.js';
export { ApiKeys, type ApiKeyPage, type NewApiKey, type OwnedApiKey } from './registry/api-keys.js';
export { StorageModule } from './storage.module.js';
export { waitsOf } from './waits.js';
