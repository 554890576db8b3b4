import { HEADER_LIMITS, isHeaderName, isReservedHeader } from './headers.js';
import type { FieldProblem } from './problem.js';
import { isRecord, unknownFields } from './records.js';
import { type SignatureScheme, signatureSchemes } from './signing-key.js';

export const signatureStyles = ['standard', 'hmac-sha256-hex', 'timestamped'] as const;
export type SignatureStyle = (typeof signatureStyles)[number];

/**
 * How a consumer wants its deliveries signed. `standard` is the Standard Webhooks specification; the others are for receivers that were written for
 * another sender: `hmac-sha256-hex` is hex of HMAC-SHA256 over the body, `timestamped` is `t=…,v1=…` with hex of HMAC-SHA256 over `timestamp.body`.
 */
export interface SignatureSettings {
  readonly style: SignatureStyle;
  /** Of the standard signature. */
  readonly scheme: SignatureScheme;
  /** Where the signature of the style goes; null: nowhere but in `webhook-signature`. */
  readonly header: string | null;
  /** Before the hex digits of `hmac-sha256-hex`, such as `sha256=`. */
  readonly prefix: string;
  /** Further headers for the message's id and the time in Unix seconds. */
  readonly idHeader: string | null;
  readonly timestampHeader: string | null;
  /** Whether `webhook-id`, `webhook-timestamp` and `webhook-signature` are sent. */
  readonly standardHeaders: boolean;
}

export const STANDARD_SIGNATURE: SignatureSettings = {
  style: 'standard',
  scheme: 'v1',
  header: null,
  prefix: '',
  idHeader: null,
  timestampHeader: null,
  standardHeaders: true,
};

const DEFAULT_HEADER = 'X-Signature';
const MAX_PREFIX = 50;
const HEADERS = ['header', 'idHeader', 'timestampHeader'] as const;

/** Reads the setting from JSON; what is left out (or null) has its default. Every problem is named, under `field`. */
export function parseSignature(value: unknown, field = 'signature'): { signature: SignatureSettings } | { problems: FieldProblem[] } {
  if (!isRecord(value)) return { problems: [{ field, message: 'must be an object with style, scheme, header, …' }] };
  const problems = unknownFields(value, Object.keys(STANDARD_SIGNATURE), field, 'is not a field of a signature');
  const wrong = (name: keyof SignatureSettings, message: string): void => void problems.push({ field: `${field}.${name}`, message });
  const style = oneOf(value.style ?? 'standard', signatureStyles);
  const scheme = oneOf(value.scheme ?? 'v1', signatureSchemes);
  if (style === undefined) wrong('style', `must be one of ${signatureStyles.join(', ')}`);
  if (scheme === undefined) wrong('scheme', `must be one of ${signatureSchemes.join(', ')}`);
  if (scheme === 'v1a' && style !== undefined && style !== 'standard') wrong('scheme', `must be v1 with the style ${style}`);

  const { prefix = null, standardHeaders = null } = value;
  if (prefix !== null && !isPrefix(prefix)) wrong('prefix', `must be at most ${MAX_PREFIX} visible ASCII characters`);
  else if (prefix !== null && prefix !== '' && style !== 'hmac-sha256-hex') wrong('prefix', 'is for the style hmac-sha256-hex alone');
  if (standardHeaders !== null && typeof standardHeaders !== 'boolean') wrong('standardHeaders', 'must be true or false');

  const [header, idHeader, timestampHeader] = HEADERS.map((name) => {
    const given = value[name] ?? (name === 'header' && style !== 'standard' ? DEFAULT_HEADER : null);
    const message = given === null ? undefined : headerProblem(given);
    if (message !== undefined) wrong(name, message);
    return typeof given === 'string' ? given : null;
  });
  const names = [header, idHeader, timestampHeader].flatMap((name) => (typeof name === 'string' ? [name.toLowerCase()] : []));
  if (new Set(names).size < names.length) wrong('header', 'must differ from idHeader and timestampHeader, and those from each other');
  if (standardHeaders === false && header === null) wrong('standardHeaders', 'can be false only when header says where the signature goes');
  if (problems.length > 0 || style === undefined || scheme === undefined) return { problems };
  return {
    signature: {
      style,
      scheme,
      header: header ?? null,
      prefix: typeof prefix === 'string' ? prefix : '',
      idHeader: idHeader ?? null,
      timestampHeader: timestampHeader ?? null,
      standardHeaders: standardHeaders !== false,
    },
  };
}

/** The headers that the setting takes for itself, in lower case: nobody else may send them. */
export const signatureHeaderNames = (settings: SignatureSettings): string[] =>
  HEADERS.flatMap((name) => settings[name]?.toLowerCase() ?? []);

const oneOf = <Value extends string>(given: unknown, values: readonly Value[]): Value | undefined =>
  values.find((value) => value === given);

const isPrefix = (value: unknown): boolean => typeof value === 'string' && value.length <= MAX_PREFIX && /^[\x21-\x7e]*$/.test(value);

function headerProblem(name: unknown): string | undefined {
  if (typeof name !== 'string' || !isHeaderName(name))
    return `must be the name of a header: an HTTP token of at most ${HEADER_LIMITS.nameBytes} bytes`;
  return isReservedHeader(name) ? 'is reserved' : undefined;
}
