import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { ApiDocument, ApiOperation } from './document.js';
import type { RawAnswer, RawRequest } from './raw-client.js';

/** Answered before a route is found, when what came leads to none. */
const STRAY = new Map([
  [404, 'not-found'],
  [405, 'method-not-allowed'],
]);
/** What must never leave: stacks, statements, places on our disk. */
const TELLTALE =
  /\n\s+at |node_modules|\/dist\/|\.[jt]s:\d+|\b(?:ER_[A-Z]+|ECONN\w+|sqlMessage|QueryFailedError|TypeError|RangeError)\b|\bSELECT .* FROM\b|JSON_TABLE/;

/** Says what is wrong with an answer, by the document alone. */
export class Judge {
  private readonly ajv: Ajv2020;
  private readonly compiled = new Map<string, ValidateFunction>();

  constructor(
    document: ApiDocument,
    private readonly secrets: readonly string[],
  ) {
    this.ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
    formats.default(this.ajv);
    this.ajv.addSchema(closed(document), 'api');
  }

  /** Undefined when all is well. */
  wrongWith(operation: ApiOperation, { target }: RawRequest, answer: RawAnswer): string | undefined {
    const text = answer.body.toString('utf8');
    if (this.secrets.some((secret) => text.includes(secret))) return 'tells a secret';
    if (answer.status >= 400) return TELLTALE.test(text) ? `tells of its inside: ${text}` : problemWrong(operation, target, answer, text);
    return this.successWrong(operation, answer, text);
  }

  private successWrong({ answers }: ApiOperation, { status, headers, body }: RawAnswer, text: string): string | undefined {
    const types = answers.get(status);
    if (!types) return `answers ${status}, which is not in the document`;
    if (types.size === 0) return body.length === 0 ? undefined : `has a body with ${status}`;
    // Exact bytes with the type that the producer gave.
    if (types.has('application/octet-stream')) return undefined;
    const type = headers['content-type']?.split(';', 1)[0] ?? '';
    const pointer = types.get(type);
    if (pointer === undefined) return `answers ${status} as ${type}, which is not in the document`;
    const validate = this.validator(pointer);
    return validate(parsed(text)) ? undefined : `answers ${status} with ${this.ajv.errorsText(validate.errors)}: ${text.slice(0, 500)}`;
  }

  private validator(pointer: string): ValidateFunction {
    const known = this.compiled.get(pointer) ?? this.ajv.compile({ $ref: `api#/${encodeURI(pointer)}` });
    this.compiled.set(pointer, known);
    return known;
  }
}

/** Every answer of ours says all that it may say: a field that is not in the document is wrong. */
function closed(document: ApiDocument): ApiDocument {
  const copy = structuredClone(document);
  for (const [name, schema] of Object.entries(copy.components.schemas))
    if (/(?:View|List|Count)$/.test(name) && schema.properties) schema.additionalProperties ??= false;
  return copy;
}

function problemWrong(operation: ApiOperation, target: string, { status, headers }: RawAnswer, text: string): string | undefined {
  if (headers['content-type'] !== 'application/problem+json') return `answers ${status} as ${headers['content-type']}`;
  const problem = parsed(text) as
    { status?: number; code?: string; type?: string; detail?: string; title?: string; requestId?: string } | undefined;
  if (!problem) return `answers ${status} with what is no JSON: ${text}`;
  const { code = '', detail, title, requestId } = problem;
  if (problem.status !== status || !problem.type?.endsWith(`/${code}`) || !detail || !title || !requestId)
    return `answers ${status} with ${text}`;
  if (status === 500 || (status > 500 && status !== 503)) return `answers ${status}: ${text}`;
  if (status === 503 && headers['retry-after'] === undefined) return 'answers 503 without Retry-After';
  if (operation.codes.get(status)?.has(code)) return undefined;
  if (!leadsTo(operation.path, target) && STRAY.get(status) === code) return undefined;
  return `answers ${status} ${code}, which is not in the document: ${detail}`;
}

/** Whether a target is one of the operation at all: its path has no empty step where a parameter stands. */
function leadsTo(path: string, target: string): boolean {
  const steps = path.split('/').map((step) => (step.startsWith('{') ? '[^/]+' : step));
  return new RegExp(`^${steps.join('/')}$`).test(target.split('?', 1)[0] ?? '');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
