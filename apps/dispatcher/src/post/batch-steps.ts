import { isTest, nextStep, type NextStep, readBatchAnswer, stepAfterLease, stepOfTest } from '@app/domain';
import type { Attempted } from './post.js';
import type { Posted } from './batch-request.js';

export interface BatchSteps {
  steps: NextStep[];
  /** Ids in `failures` that were not in the batch. */
  unknown: number;
}

/** What a batch's attempt means for each of its messages. `answer`: the body of a 2xx; undefined when it was too long to be read. */
export function batchSteps(works: readonly Posted[], { result, answer }: Attempted, random: () => number): BatchSteps {
  const accepted = result.kind === 'answered' && result.httpCode >= 200 && result.httpCode < 300;
  const read = accepted && answer ? readBatchAnswer(answer) : undefined;
  const failed = accepted && read?.kind !== 'taken' ? ({ kind: 'failed', errorClass: 'invalid-response' } as const) : result;
  const failures = read?.kind === 'taken' ? read.failures : undefined;
  const steps = works.map(({ claim, target, message }) => {
    const made = claim.attempt - claim.attemptsBefore;
    const step = failures?.has(message.id)
      ? stepAfterLease({ kind: 'nack', delayMs: failures.get(message.id) }, target.retry, made, random())
      : nextStep(failed, target.retry, made, random(), claim.attemptsBefore);
    return isTest(message.headers) ? stepOfTest(step) : step;
  });
  const ids = new Set(works.map(({ message }) => message.id));
  return { steps, unknown: [...(failures?.keys() ?? [])].filter((id) => !ids.has(id)).length };
}
