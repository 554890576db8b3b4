import {
  type Cidr,
  type FieldProblem,
  judgeHeaders,
  judgeUrl,
  parseRetryPolicy,
  Problem,
  refusalMessage,
  type RetryPolicy,
} from '@app/domain';
import type { ConsumerSettings } from '@app/storage';
import type { ConsumerBody } from './consumer.body.js';

/** Which URLs may be targets: ALLOW_HTTP_TARGETS and ALLOWED_TARGETS. */
export class TargetRules {
  constructor(
    readonly allowHttp: boolean,
    readonly allowed: readonly Cidr[],
  ) {}
}

/** What a PUT says, with defaults for what it leaves out. Throws {@link Problem} `validation-failed` naming every wrong field. */
export function consumerSettings(body: ConsumerBody, rules: TargetRules): ConsumerSettings {
  const type = body.type ?? 'push';
  const problems: FieldProblem[] = [...urlProblems(type, body.url ?? null, rules)];
  let retry: RetryPolicy | null = null;
  if (body.retry !== undefined && body.retry !== null) {
    const parsed = parseRetryPolicy(body.retry);
    if ('problems' in parsed) problems.push(...parsed.problems);
    else retry = parsed.policy;
  }
  const headers = body.headers ?? null;
  if (headers !== null) problems.push(...judgeHeaders(headers));
  if (problems.length > 0) throw Problem.invalid(problems);
  return {
    type,
    url: body.url ?? null,
    description: body.description ?? '',
    timeoutMs: body.timeoutMs ?? null,
    maxInFlight: body.maxInFlight ?? null,
    retry,
    headers,
    disabled: body.disabled ?? false,
  };
}

function urlProblems(type: 'push' | 'pull', url: string | null, rules: TargetRules): FieldProblem[] {
  if (type === 'pull') return url === null ? [] : [{ field: 'url', message: 'must be left out for a pull consumer' }];
  if (url === null) return [{ field: 'url', message: 'is needed for a push consumer' }];
  const verdict = judgeUrl(url, rules);
  return verdict.ok ? [] : [{ field: 'url', message: refusalMessage(verdict.reason) }];
}
