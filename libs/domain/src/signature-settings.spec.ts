import { parseSignature, signatureHeaderNames, STANDARD_SIGNATURE } from './signature-settings.js';

it('completes what is left out', () => {
  expect(parseSignature({})).toEqual({ signature: STANDARD_SIGNATURE });
  expect(parseSignature({ ...STANDARD_SIGNATURE })).toEqual({ signature: STANDARD_SIGNATURE });
  expect(parseSignature({ style: 'timestamped' })).toEqual({
    signature: { ...STANDARD_SIGNATURE, style: 'timestamped', header: 'X-Signature' },
  });
  expect(parseSignature({ scheme: 'v1a' })).toEqual({ signature: { ...STANDARD_SIGNATURE, scheme: 'v1a' } });
  const github = { style: 'hmac-sha256-hex', header: 'X-Hub-Signature-256', prefix: 'sha256=', standardHeaders: false };
  expect(parseSignature(github)).toEqual({ signature: { ...STANDARD_SIGNATURE, ...github } });
});

it.each([
  ['text', 'signature'],
  [[], 'signature'],
  [{ style: 'md5' }, 'signature.style'],
  [{ scheme: 'v2' }, 'signature.scheme'],
  [{ style: 'timestamped', scheme: 'v1a' }, 'signature.scheme'],
  [{ header: 'X Signature' }, 'signature.header'],
  [{ header: 'x'.repeat(101) }, 'signature.header'],
  [{ header: 7 }, 'signature.header'],
  [{ header: 'webhook-signature' }, 'signature.header'],
  [{ idHeader: 'Content-Length' }, 'signature.idHeader'],
  [{ timestampHeader: 'a\r\nb' }, 'signature.timestampHeader'],
  [{ header: 'X-A', idHeader: 'x-a' }, 'signature.header'],
  [{ prefix: 'sha256=' }, 'signature.prefix'],
  [{ style: 'hmac-sha256-hex', prefix: 'a b' }, 'signature.prefix'],
  [{ style: 'hmac-sha256-hex', prefix: 'x'.repeat(51) }, 'signature.prefix'],
  [{ standardHeaders: false }, 'signature.standardHeaders'],
  [{ standardHeaders: 'no' }, 'signature.standardHeaders'],
  [{ algorithm: 'sha512' }, 'signature.algorithm'],
])('refuses %j, naming %s', (value, field) => {
  expect(parseSignature(value)).toEqual({ problems: [{ field, message: expect.any(String) }] });
});

it('takes its headers for itself', () => {
  expect(signatureHeaderNames({ ...STANDARD_SIGNATURE, header: 'X-Sig', timestampHeader: 'X-Time' })).toEqual(['x-sig', 'x-time']);
  expect(signatureHeaderNames(STANDARD_SIGNATURE)).toEqual([]);
});
