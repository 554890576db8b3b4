/** Every code that an error answer can carry. Codes are API: never renamed, never reused. Limits are named in the details. */
export const problems = {
  'validation-failed': { status: 400, title: 'The request is not valid' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'The API key has no right to do this' },
  'not-found': { status: 404, title: 'There is no such thing here' },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  conflict: { status: 409, title: 'The request conflicts with what is there' },
  'idempotency-conflict': { status: 409, title: 'The idempotency key was used with another body' },
  'not-scheduled': { status: 409, title: 'The message is not scheduled, or has left already' },
  'precondition-failed': { status: 412, title: 'It has changed since it was read' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'uri-too-long': { status: 414, title: 'The address is too long' },
  'unsupported-media-type': { status: 415, title: 'This content type or encoding is not taken' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'backlog-full': { status: 429, title: 'Too many deliveries of the channel are not finished' },
  'header-too-large': { status: 431, title: 'The header section is too large' },
  internal: { status: 500, title: 'Something broke on our side' },
  'queue-full': { status: 503, title: 'The queue of messages to store is full' },
  'database-unavailable': { status: 503, title: 'The database cannot be reached' },
  'database-busy': { status: 503, title: 'The database has too much to do' },
  'shutting-down': { status: 503, title: 'This process is shutting down' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof problems;

/** What is wrong with one field; nested fields are joined by dots: `retry.delays.0`. */
export type FieldProblem = { readonly field: string; readonly message: string };

export type ProblemOptions = {
  readonly field?: string;
  readonly retryAfterSeconds?: number;
  readonly errors?: readonly FieldProblem[];
  /** Logged for a 5xx, never answered. */
  readonly cause?: unknown;
};

/** A caller's mistake or our own refusal, answered as problem+json (RFC 9457). `detail` is shown to the caller. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly field?: string;
  readonly retryAfterSeconds?: number;
  readonly errors?: readonly FieldProblem[];

  constructor(
    readonly code: ProblemCode,
    readonly detail: string = problems[code].title,
    options: ProblemOptions = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = problems[code].status;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.errors = options.errors;
  }

  get title(): string {
    return problems[this.code].title;
  }

  /** One `validation-failed` for a list of problems; a single one also sets `field`. */
  static invalid(errors: readonly FieldProblem[]): Problem {
    const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ') || problems['validation-failed'].title;
    return new Problem('validation-failed', detail, { errors, field: errors.length === 1 ? errors[0]?.field : undefined });
  }
}
