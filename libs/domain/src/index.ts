/** What is true: decisions without side effects. `now` and randomness are passed in. */
export { EPOCH_MS, type Id, IdHorizonError, IdMinter, firstIdAt, msOf } from './id.js';
export { type DeliveryStatus, type MessageStatus, deliveryStatuses, messageStatuses } from './states.js';
export { deliveryStatusCode, deliveryStatusName, messageStatusCode, messageStatusName } from './states.js';
export { DEFAULT_RETRY, type ExponentialRetry, type ListedRetry, type RetryPolicy } from './retry-policy.js';
export { attemptsOf, retryCapMs, retryDelayMs } from './retry-policy.js';
export { parseRetryPolicy } from './parse-retry-policy.js';
export { type AttemptResult, type DeadReason, type ErrorClass, type NextStep, deadReasons, errorClasses, nextStep } from './next-step.js';
export { parseRetryAfter } from './retry-after.js';
export { newSigningSecret, secretBytes, sign } from './signature.js';
export { KeyRing, SealError } from './seal.js';
export { type AddressVerdict, type Cidr, isAddress, judgeAddress, parseCidrs } from './address.js';
export { type TargetRefusal, type UrlVerdict, judgeUrl, refusalMessage } from './target.js';
export { HEADER_LIMITS, isReservedHeader, judgeHeaders } from './headers.js';
export { isName } from './names.js';
export { MAX_SCOPES, type Need, type Scope, allows, formatScope, parseScopes } from './scopes.js';
export { type FieldProblem, Problem, type ProblemCode, type ProblemOptions, problems } from './problem.js';
