import { Problem } from '@app/domain';
import type { FastifyRequest } from 'fastify';

/** Largest JSON body of the routes that manage things. */
export const MANAGEMENT_BODY_BYTES = 262_144;

const PAYLOAD_ROUTE = '/v1/channels/:channel/messages';
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/i;

/** Whether a route takes a payload: any content type, exact bytes. All others take JSON. */
export const takesPayload = ({ method, url }: { method: string | string[]; url: string }): boolean =>
  url === PAYLOAD_ROUTE && [method].flat().includes('POST');

/** A body as its route wants it: bytes, or what a JSON object says. Nothing at all is undefined. */
export function parseBody(request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void): void {
  try {
    const { method, url = '' } = request.routeOptions;
    done(null, takesPayload({ method, url }) ? body : parseJson(body, request.headers['content-type']));
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
  }
}

function parseJson(body: Buffer, contentType = 'application/json'): object | undefined {
  if (body.length === 0) return undefined;
  if (!JSON_TYPE.test(contentType.split(';', 1)[0]?.trim() ?? '')) {
    throw new Problem('unsupported-media-type', 'send the body as application/json');
  }
  const value = valueOf(body);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw Problem.invalid([{ field: 'body', message: 'must be a JSON object' }]);
}

function valueOf(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body), refusePrototype);
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('malformed-json', 'the body is not JSON in UTF-8', { cause: error });
  }
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw Problem.invalid([{ field: '__proto__', message: 'should not exist' }]);
  return value;
}
