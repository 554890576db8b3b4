/** What is true: decisions without side effects. `now` and randomness are passed in. */
export { type BackOff, backOffMs } from './back-off.js';
export { EPOCH_MS, type Id, IdHorizonError, IdMinter, firstIdAt, idBefore, idFrom, LAST_ID, msOf } from './id.js';
export { type DueTime, type ReadDueTime, readDelay, readDeliverAt } from './due-time.js';
export { type DeliveryStatus, type MessageStatus, deliveryStatuses, messageStatuses } from './states.js';
export { deliveryStatusCode, deliveryStatusName, messageStatusCode, messageStatusName } from './states.js';
export { DEFAULT_RETRY, type ExponentialRetry, type ListedRetry, type RetryPolicy } from './retry-policy.js';
export { attemptsOf, retryCapMs, retryDelayMs } from './retry-policy.js';
export { parseRetryPolicy } from './parse-retry-policy.js';
export { type AttemptResult, type DeadReason, type ErrorClass, type NextStep, deadReasons, errorClasses, nextStep } from './next-step.js';
export { isOurs, MOST_SPARED } from './next-step.js';
export { isPermanent, type PermanentStatuses } from './permanent-statuses.js';
export { holdMs } from './hold.js';
export { BREAKER_LIMITS, type BreakerSettings, DEFAULT_BREAKER, parseBreaker } from './breaker-settings.js';
export {
  afterProbe,
  type AttemptHealth,
  attemptHealth,
  type BreakerReason,
  breakerReasons,
  type BreakerStatus,
  breakerStatus,
} from './breaker.js';
export { BreakerWindow, openMs, type ProbeState, type ProbeStep } from './breaker.js';
export { DISABLE_AFTER_LIMITS, type Failing, FailingStreak, type FailingStep, LEAST_FAILURES, succeeded } from './failing.js';
export { type DisabledReason, disabledReasons, EVENTS_CHANNEL, eventText, isReservedChannel } from './system-event.js';
export { RESERVED_CHANNEL_MESSAGE, type SystemEvent, systemEventTypes } from './system-event.js';
export { type LeaseEnd, type LeaseOutcome, leaseOutcomes, stepAfterLease } from './lease-step.js';
export { type LeaseKey, isPullToken, pullToken, readReceipt, writeReceipt } from './receipt.js';
export { parseRetryAfter } from './retry-after.js';
export { type Signing, sign, signatureHeaders } from './signature.js';
export { type SignatureSettings, type SignatureStyle, STANDARD_SIGNATURE } from './signature-settings.js';
export { parseSignature, signatureHeaderNames, signatureStyles } from './signature-settings.js';
export {
  type SignatureScheme,
  type SigningKey,
  judgeSigningSecret,
  newSigningSecret,
  publicKeyOf,
  signatureSchemes,
  signingKey,
} from './signing-key.js';
export { type FormerSecret, formerSecrets, MAX_FORMER_SECRETS, OVERLAP_SECONDS, overlapUntil } from './secret-rotation.js';
export { KeyRing, SealError } from './seal.js';
export { mapSealed, type SealedColumns, type SealedPlaces, sealedPlaces, secretOf, withSecret } from './sealed-columns.js';
export { type AddressVerdict, type Cidr, isAddress, isWithin, judgeAddress, parseCidrs } from './address.js';
export { type TargetRefusal, type TargetRules, type UrlVerdict, judgeUrl, refusalMessage } from './target.js';
export { HEADER_LIMITS, isReservedHeader, isSecretHeader, judgeHeaders, MASK } from './headers.js';
export { type Auth, authorizationOf, authSecrets, type OAuth2, parseAuth } from './auth.js';
export { type ClientTls, isKeyOf, parseTls } from './client-tls.js';
export { FILTER_LIMITS, type FilterJson, type FilterNode, parseFilter } from './filter.js';
export { FILTERED_BODY_BYTES, type Filterable, FilterSubject, type Judgement, type Unjudged } from './judge-filter.js';
export { type BatchAnswer, readBatchAnswer } from './batch-answer.js';
export { BATCH_LIMITS, type BatchSettings, parseBatch } from './batch-settings.js';
export { type DeliveredMessage, type DeliveredTo, deliveryHeaders } from './delivery-headers.js';
export { headerPairs, responsePairs, SHOWN_HEADERS, shownHeaders } from './shown-headers.js';
export { JOIN_MS, Membership, type Peer, SILENT_MS } from './membership.js';
export { type Part, partOf, share, shareOf } from './share.js';
export { effectiveRate, mostSharers, parseRateLimit, RATE_LIMITS, type RateLimit } from './rate-limit.js';
export { Ageing, AGEING_TURNS } from './ageing.js';
export { TokenBucket } from './token-bucket.js';
export { isName, NAME_FORM } from './names.js';
export {
  isFinished,
  type JobAct,
  jobActs,
  jobAfter,
  type JobCause,
  type JobKind,
  jobKinds,
  jobPauseMicros,
  JOB_RATE,
  type JobState,
  jobStates,
  jobStepRows,
} from './job.js';
export { REPLAY_HEADER, REPLAY_RANK, replayedBy, replayOf, type ReplayStatus, replayStatuses } from './replay.js';
export { type History, parseStartFrom, START_FROM_FORMS } from './start-from.js';
export { EXHAUSTED, type Exhausted, orderingHash, type Ordering, ORDERINGS } from './ordering.js';
export { type Bucket, type Rate, rateShare, takeTokens, type Taking } from './key-bucket.js';
export { defaultBurst, KEY_RATE_LIMITS, parseKeyRate, rateFields, type RateState } from './key-rate.js';
export { AUTO_REDRIVE_LIMITS, type AutoRedrive, parseAutoRedrive } from './auto-redrive.js';
export { isTest, stepOfTest, TEST_HEADER, testHeaders } from './test-delivery.js';
export { MAX_SCOPES, type Need, type Scope, allows, formatScope, parseScopes } from './scopes.js';
export { type FieldProblem, Problem, type ProblemCode, type ProblemOptions, problems } from './problem.js';
