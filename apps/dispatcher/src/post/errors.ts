import { constants } from 'node:http2';
import { type ErrorClass, isOurs } from '@app/domain';

/** A name resolved to an address, or the URL is one, that deliveries may not go to. */
export class BlockedTargetError extends Error {
  readonly code = 'POSTHORN_BLOCKED_TARGET';
}

/** The delivery timeout passed: DNS, connect, TLS, request, answer and body together. */
export class DeliveryTimeoutError extends Error {
  readonly code = 'POSTHORN_DELIVERY_TIMEOUT';
}

/** No name server answers, whatever the name. */
export class ResolverError extends Error {
  readonly code = 'POSTHORN_RESOLVER';
}

/** A name has no address, or nobody who knows can be asked. */
export class NameError extends Error {
  readonly code = 'POSTHORN_NAME';
}

/** A token endpoint did not answer, or answered no token. */
export class TokenEndpointError extends Error {
  readonly code = 'POSTHORN_TOKEN_ENDPOINT';
}

/** What the peer, or our side of the protocol, found wrong with the frames themselves. */
const MALFORMED: ReadonlySet<number> = new Set([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
  // Node says so of headers that are too large.
  constants.NGHTTP2_ENHANCE_YOUR_CALM,
]);

/** An HTTP/2 stream ended before its answer was complete, with an error code of RFC 9113, 7. */
export class Http2StreamError extends Error {
  readonly code: 'POSTHORN_HTTP2_MALFORMED' | 'POSTHORN_HTTP2_CLOSED';

  constructor(http2Code: number, options?: ErrorOptions) {
    super(`the stream was closed with the code ${http2Code}`, options);
    this.code = MALFORMED.has(http2Code) ? 'POSTHORN_HTTP2_MALFORMED' : 'POSTHORN_HTTP2_CLOSED';
  }
}

const classes: Record<string, ErrorClass> = {
  POSTHORN_BLOCKED_TARGET: 'blocked-target',
  POSTHORN_DELIVERY_TIMEOUT: 'timeout',
  POSTHORN_NAME: 'dns',
  POSTHORN_RESOLVER: 'resolver-unreachable',
  POSTHORN_TOKEN_ENDPOINT: 'token-endpoint',
  POSTHORN_HTTP2_MALFORMED: 'invalid-response',
  POSTHORN_HTTP2_CLOSED: 'connection-reset',
  ERR_HTTP2_ERROR: 'invalid-response',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNREFUSED: 'connection-refused',
  EHOSTUNREACH: 'connection-refused',
  ENETUNREACH: 'network-unreachable',
  ENETDOWN: 'network-unreachable',
  EPERM: 'network-unreachable',
  EACCES: 'network-unreachable',
  EADDRNOTAVAIL: 'out-of-resources',
  EMFILE: 'out-of-resources',
  ENFILE: 'out-of-resources',
  ENOBUFS: 'out-of-resources',
  ENOMEM: 'out-of-resources',
  ECONNRESET: 'connection-reset',
  ECONNABORTED: 'connection-reset',
  EPIPE: 'connection-reset',
  UND_ERR_SOCKET: 'connection-reset',
  UND_ERR_HEADERS_OVERFLOW: 'invalid-response',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'invalid-response',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'invalid-response',
  EPROTO: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  UNABLE_TO_GET_ISSUER_CERT: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
  HOSTNAME_MISMATCH: 'tls',
  INVALID_PURPOSE: 'tls',
  INVALID_CA: 'tls',
};
const prefixes: readonly (readonly [string, ErrorClass])[] = [
  ['ERR_TLS_', 'tls'],
  ['ERR_SSL_', 'tls'],
  ['CERT_', 'tls'],
  ['CRL_', 'tls'],
  ['HPE_', 'invalid-response'],
  ['ERR_HTTP2_', 'connection-reset'],
];

/**
 * The class of what undici, Node or the guard threw. Several addresses that all failed count as the first that did not fail on our side: a machine without
 * IPv6 reaches no IPv6 address of anybody. A token endpoint that cannot be reached for a reason of ours is not the endpoint's fault.
 */
export function classOf(error: unknown): ErrorClass {
  if (error instanceof AggregateError && error.errors.length > 0) {
    const found = error.errors.map(classOf);
    return found.find((one) => !isOurs(one)) ?? found[0]!;
  }
  if (error instanceof TokenEndpointError && error.cause !== undefined) {
    const cause = classOf(error.cause);
    if (isOurs(cause)) return cause;
  }
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const known = classes[code] ?? prefixes.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (known) return known;
  return error instanceof Error && error.cause !== undefined ? classOf(error.cause) : 'internal';
}
