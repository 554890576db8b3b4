/** The status of an HTTP/1.1 answer once all of it is in `text`, else undefined. Its length is told, or it is in chunks, or it has no body. */
export function statusOf(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = text.slice(0, end);
  const status = Number(head.slice(9, 12));
  if (status === 204 || status === 304) return status;
  const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length) ? status : undefined;
  if (/\ntransfer-encoding: *chunked/i.test(head)) return text.endsWith('\r\n0\r\n\r\n') ? status : undefined;
  return undefined;
}
