import { constants } from 'node:http2';
import {
  BlockedTargetError,
  classOf,
  DeliveryTimeoutError,
  Http2StreamError,
  NameError,
  ResolverError,
  TokenEndpointError,
} from './errors.js';

const withCode = (code: string, cause?: unknown): Error => Object.assign(new Error(code, { cause }), { code });

it.each([
  ['ECONNREFUSED', 'connection-refused'],
  ['ECONNRESET', 'connection-reset'],
  ['UND_ERR_SOCKET', 'connection-reset'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['ENOTFOUND', 'dns'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['HPE_INVALID_CONSTANT', 'invalid-response'],
  ['UND_ERR_HEADERS_OVERFLOW', 'invalid-response'],
  ['ENETUNREACH', 'network-unreachable'],
  ['EMFILE', 'out-of-resources'],
  ['EADDRNOTAVAIL', 'out-of-resources'],
  ['ERR_HTTP2_STREAM_CANCEL', 'connection-reset'],
  ['ERR_HTTP2_SESSION_ERROR', 'connection-reset'],
  ['ERR_HTTP2_ERROR', 'invalid-response'],
  ['ERR_NOBODY_KNOWS', 'internal'],
])('%s is %s', (code, errorClass) => {
  expect(classOf(withCode(code))).toBe(errorClass);
});

it('looks at the cause of an error that says nothing, and at the first of several addresses', () => {
  expect(classOf(new Error('fetch failed', { cause: withCode('ECONNREFUSED') }))).toBe('connection-refused');
  expect(classOf(new AggregateError([withCode('ECONNREFUSED'), withCode('ETIMEDOUT')]))).toBe('connection-refused');
});

it('does not blame us for one address when another one failed for a reason of its own', () => {
  expect(classOf(new AggregateError([withCode('ENETUNREACH'), withCode('ECONNREFUSED')]))).toBe('connection-refused');
  expect(classOf(new AggregateError([withCode('ENETUNREACH'), withCode('EMFILE')]))).toBe('network-unreachable');
});

it('tells a stream that was broken off from frames that are no HTTP/2', () => {
  for (const code of [
    constants.NGHTTP2_NO_ERROR,
    constants.NGHTTP2_INTERNAL_ERROR,
    constants.NGHTTP2_CANCEL,
    constants.NGHTTP2_REFUSED_STREAM,
  ])
    expect([code, classOf(new Http2StreamError(code))]).toEqual([code, 'connection-reset']);
  for (const code of [constants.NGHTTP2_PROTOCOL_ERROR, constants.NGHTTP2_COMPRESSION_ERROR, constants.NGHTTP2_ENHANCE_YOUR_CALM])
    expect([code, classOf(new Http2StreamError(code))]).toEqual([code, 'invalid-response']);
});

it('knows our own', () => {
  expect(classOf(new BlockedTargetError('x'))).toBe('blocked-target');
  expect(classOf(new DeliveryTimeoutError('x'))).toBe('timeout');
  expect(classOf(new NameError('x', { cause: withCode('ECONNREFUSED') }))).toBe('dns');
  expect(classOf(new TokenEndpointError('x', { cause: withCode('ECONNREFUSED') }))).toBe('token-endpoint');
  expect(classOf(new TokenEndpointError('x', { cause: new ResolverError('x') }))).toBe('resolver-unreachable');
});
