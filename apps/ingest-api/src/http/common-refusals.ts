import { type ProblemCode, problems } from '@app/domain';
import { refusal } from './answers.js';

/** One method of one path in an OpenAPI document, as far as it matters here. */
export interface Described {
  readonly parameters?: readonly object[];
  responses: Record<string, unknown>;
}

/** Refused on the way to every route: before it is found, by its guard, or because the database is away. */
const EVERYWHERE: readonly ProblemCode[] = [
  'validation-failed',
  'unauthorized',
  'forbidden',
  'request-timeout',
  'unsupported-media-type',
  'too-many-requests',
  'header-too-large',
  'internal',
  'database-unavailable',
  'database-busy',
  'shutting-down',
];
/** A body is read, and has to be JSON where it is not a payload, whether the route looks at it or not. */
const WITH_A_BODY: readonly ProblemCode[] = ['payload-too-large'];
const WITH_JSON: readonly ProblemCode[] = ['malformed-json'];
const WITH_A_PARAMETER: readonly ProblemCode[] = ['uri-too-long'];

/** Adds what the route can answer besides what it says of itself, so that the document names every code that a client can meet there. */
export function addCommonRefusals(method: string, operation: Described, takesPayload: boolean): void {
  const sendsBody = method !== 'get';
  const inPath = (operation.parameters ?? []).some((parameter) => 'in' in parameter && parameter.in === 'path');
  const common = [
    ...EVERYWHERE,
    ...(sendsBody ? WITH_A_BODY : []),
    ...(sendsBody && !takesPayload ? WITH_JSON : []),
    ...(inPath ? WITH_A_PARAMETER : []),
  ];
  for (const status of new Set(common.map((code) => problems[code].status))) {
    const own = codesOf(operation.responses[status]);
    const added = common.filter((code) => problems[code].status === status && !own.includes(code));
    operation.responses[status] = refusal([...own, ...added]);
  }
}

/** The codes of a response, which are the names of its examples. */
function codesOf(response: unknown): ProblemCode[] {
  const examples = ['content', 'application/problem+json', 'examples'].reduce<unknown>(
    (value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined),
    response,
  );
  return Object.keys(examples ?? {}).filter((code): code is ProblemCode => code in problems);
}
