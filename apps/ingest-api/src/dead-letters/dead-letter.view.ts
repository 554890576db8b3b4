import type { DeadLetter } from '@app/storage';

export class DeadLetterView {
  /** The message's id. */
  message!: string;
  diedAt!: Date;
  /** `permanent-status`: the retry policy names the status. `rejected`: a pull consumer settled it as dead. */
  reason!: 'attempts-exhausted' | 'permanent-status' | 'gone' | 'blocked-target' | 'rejected';
  attempts!: number;
  httpCode!: number | null;
  lastError!: string | null;
  type!: string | null;
}

export class DeadLetterList {
  items!: DeadLetterView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export class DeadLetterCount {
  /** Dead letters that this request took; with `dryRun`, that it would take. */
  count!: number;
  /** Whether more match: ask again. */
  more!: boolean;
  /** Only with `dryRun`: there are too many dead letters to look at; `count` is of the first 50000. */
  atLeast?: boolean;
}

export const viewDeadLetter = (row: DeadLetter): DeadLetterView => ({
  message: row.messageId,
  diedAt: row.diedAt,
  reason: row.reason,
  attempts: row.attempts,
  httpCode: row.httpCode,
  lastError: row.errorClass,
  type: row.type,
});
