import type { Id } from './id.js';
import { isRecord } from './records.js';

/** What a consumer that took a batch (2xx) says of its messages. */
export type BatchAnswer =
  | {
      readonly kind: 'taken';
      /** Messages that it did not take, with when it wants them again. */ readonly failures: ReadonlyMap<Id, number | undefined>;
    }
  /** It says that some failed, but not understandably which. */
  | { readonly kind: 'invalid' };

const ALL_TAKEN: BatchAnswer = { kind: 'taken', failures: new Map() };
const INVALID: BatchAnswer = { kind: 'invalid' };
/** Longest delay that a consumer may ask for: a week. */
const MAX_DELAY_MS = 604_800_000;

/**
 * Reads `{"failures": [{"id": …, "delayMs"?: …}]}`. An empty body, and one that is not a JSON object with `failures`, takes all: servers like to answer `ok`.
 */
export function readBatchAnswer(body: Buffer): BatchAnswer {
  const answer = jsonOf(body);
  if (!isRecord(answer) || !Object.hasOwn(answer, 'failures') || answer.failures === null) return ALL_TAKEN;
  if (!Array.isArray(answer.failures)) return INVALID;
  const failures = new Map<Id, number | undefined>();
  for (const one of answer.failures as unknown[]) {
    if (!isRecord(one) || typeof one.id !== 'string') return INVALID;
    const { id, delayMs = null } = one;
    if (delayMs !== null && !(typeof delayMs === 'number' && delayMs >= 0)) return INVALID;
    failures.set(id, delayMs === null ? undefined : Math.min(MAX_DELAY_MS, Math.round(delayMs)));
  }
  return { kind: 'taken', failures };
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
