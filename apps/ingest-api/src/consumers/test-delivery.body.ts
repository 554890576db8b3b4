import { type FieldProblem, judgeHeaders, Problem, testHeaders } from '@app/domain';
import type { NewMessage } from '@app/storage';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { FilterTestMessage, payloadOf } from './filter-test.body.js';

/** Longest wait for the outcome. */
export const MAX_TEST_WAIT_MS = 20_000;

/** Left out as a whole: an example of ours. */
export class TestDeliveryBody extends FilterTestMessage {}

export class TestDeliveryQuery {
  /** How long the answer may wait for the outcome, in milliseconds; 0 unless said. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(MAX_TEST_WAIT_MS)
  waitMs?: number;
}

const CONTENT_TYPE = /^[\x20-\x7e]{1,255}$/;
const EXAMPLE = { test: true, text: 'A test delivery of Posthorn' };

type Told = Pick<NewMessage, 'priority' | 'type' | 'contentType' | 'headers' | 'payload' | 'orderingKey' | 'traceParent'>;

/** The message of a test; in front of all others. Throws Problem `validation-failed`. */
export function testMessage(body: TestDeliveryBody): Told {
  const empty = body.payload === undefined && !body.payloadBase64;
  const payload = payloadOf(empty ? { payload: EXAMPLE } : body);
  const problems: FieldProblem[] = body.headers ? judgeHeaders(body.headers) : [];
  if (body.contentType && !CONTENT_TYPE.test(body.contentType))
    problems.push({ field: 'contentType', message: 'must be at most 255 visible ASCII characters' });
  if (body.payload !== undefined && body.payloadBase64) problems.push({ field: 'payload', message: 'may not stand beside payloadBase64' });
  if (problems.length > 0) throw Problem.invalid(problems);
  const ofJson = empty || (body.payload !== undefined && typeof body.payload !== 'string');
  return {
    priority: 9,
    type: body.type ?? 'posthorn.test',
    contentType: body.contentType ?? (ofJson ? 'application/json' : null),
    headers: testHeaders(lowerCased(body.headers ?? {})),
    payload,
    orderingKey: null,
    traceParent: null,
  };
}

const lowerCased = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
