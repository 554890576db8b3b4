import { isSecretHeader, MASK } from './headers.js';

/** Of the headers of an attempt's request, and of its response, so much is kept: bytes of names and values together, and of one value. */
export const SHOWN_HEADERS = { bytes: 8192, valueBytes: 1024 } as const;

/** Ours prove nothing that could be used again, and say most about what went wrong. */
const OURS = /^(?:webhook-|posthorn-)/i;

/**
 * The headers of an attempt as they may be shown: what authorizes, cookies among it, is masked, but not signatures of ours and those named in `shown` (in lower
 * case). Long values are cut, and what does not fit is left out.
 */
export function shownHeaders(
  headers: Iterable<readonly [name: string, value: string]>,
  shown: readonly string[] = [],
): Record<string, string> {
  const kept: [string, string][] = [];
  let bytes = 0;
  for (const [name, value] of headers) {
    const masked = isSecretHeader(name) && !OURS.test(name) && !shown.includes(name.toLowerCase());
    const text = masked ? MASK : value.length > SHOWN_HEADERS.valueBytes ? `${value.slice(0, SHOWN_HEADERS.valueBytes - 1)}…` : value;
    bytes += name.length + text.length;
    if (bytes > SHOWN_HEADERS.bytes) break;
    kept.push([name, text]);
  }
  return Object.fromEntries(kept);
}

/** Names and values of a flat list. */
export function* headerPairs(flat: readonly string[]): Generator<readonly [name: string, value: string]> {
  for (let at = 0; at < flat.length; at += 2) yield [flat[at]!, flat[at + 1] ?? ''];
}

/** Names and values as HTTP libraries give those of a response; several of a name are put together. */
export function* responsePairs(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Generator<readonly [name: string, value: string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) yield [name, typeof value === 'string' ? value : value.join(', ')];
  }
}
