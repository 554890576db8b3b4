import { isUtf8 } from 'node:buffer';

const TEXT = /^(?:text\/[\w.+-]+|application\/(?:[\w.-]+\+)?json)$/i;
const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

/**
 * A payload in JSON: as `payload` when its content type is JSON or text in UTF-8, and its bytes are UTF-8; else as `payloadBase64`. Both give the exact
 * bytes back: JSON is not parsed.
 */
export function viewPayload(contentType: string | null, payload: Buffer): { payload: string } | { payloadBase64: string } {
  return isText(contentType ?? '') && isUtf8(payload)
    ? { payload: payload.toString('utf8') }
    : { payloadBase64: payload.toString('base64') };
}

function isText(contentType: string): boolean {
  const charset = CHARSET.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8';
  return TEXT.test(contentType.split(';', 1)[0]!.trim()) && ['utf-8', 'utf8', 'us-ascii'].includes(charset);
}
