import { Problem } from '@app/domain';
import type { FastifyInstance, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether the route takes a payload. Set once for each request: `routeOptions` makes a new object each time that it is read. */
    takesPayload: boolean;
  }
}

/** Largest JSON body of the routes that manage things. */
export const MANAGEMENT_BODY_BYTES = 262_144;

const PAYLOAD_ROUTE = '/v1/channels/:channel/messages';
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/i;

/** Whether a route takes a payload: any content type, exact bytes. All others take JSON. */
export const takesPayload = ({ method, url }: { method: string | string[]; url: string }): boolean =>
  url === PAYLOAD_ROUTE && [method].flat().includes('POST');

/** Marks the requests of the routes that take a payload. Call it before routes are registered. */
export function markPayloads(fastify: FastifyInstance): void {
  fastify.decorateRequest('takesPayload', false);
  fastify.addHook('onRoute', (route) => {
    if (!takesPayload(route)) return;
    route.onRequest = [
      ...[route.onRequest ?? []].flat(),
      (request, _reply, done) => {
        request.takesPayload = true;
        done();
      },
    ];
  });
}

/** A body as its route wants it: bytes, or what a JSON object says. Nothing at all is undefined. */
export function parseBody(request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void): void {
  try {
    done(null, request.takesPayload ? body : parseJson(body, request.headers['content-type']));
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
