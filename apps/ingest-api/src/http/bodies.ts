import { Problem } from '@app/domain';
import type { FastifyInstance, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether the route takes bytes as they are. Set once for each request: `routeOptions` makes a new object each time that it is read. */
    takesPayload: boolean;
  }
}

/** Largest JSON body of the routes that manage things. */
export const MANAGEMENT_BODY_BYTES = 262_144;

const PAYLOAD_ROUTE = '/v1/channels/:channel/messages';
const BATCH_ROUTE = `${PAYLOAD_ROUTE}/batch`;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/i;

type Route = { method: string | string[]; url: string };

/** What a route takes: a payload or a batch of them, exact bytes both, or the JSON object of all other routes. */
export function bodyKind({ method, url }: Route): 'payload' | 'batch' | 'object' {
  if (![method].flat().includes('POST')) return 'object';
  if (url === PAYLOAD_ROUTE) return 'payload';
  return url === BATCH_ROUTE ? 'batch' : 'object';
}

/** Marks the requests of the routes that take payloads. Call it before routes are registered. */
export function markPayloads(fastify: FastifyInstance): void {
  fastify.decorateRequest('takesPayload', false);
  fastify.addHook('onRoute', (route) => {
    if (bodyKind(route) === 'object') return;
    route.onRequest = [
      ...[route.onRequest ?? []].flat(),
      (request, _reply, done) => {
        request.takesPayload = true;
        done();
      },
    ];
  });
}

/** A body as its route wants it: bytes, or what a JSON object says. Nothing at all is undefined, and so is what no route wants: that is 404 or 405, whatever it is. */
export function parseBody(request: FastifyRequest, body: Buffer, done: (error: Error | null, body?: unknown) => void): void {
  try {
    if (request.is404) done(null);
    else done(null, request.takesPayload ? body : parseJson(body, request.headers['content-type']));
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
  }
}

function parseJson(body: Buffer, contentType = 'application/json'): object | undefined {
  if (body.length === 0) return undefined;
  if (!isJsonType(contentType)) {
    throw new Problem('unsupported-media-type', 'send the body as application/json');
  }
  const value = valueOf(body);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw Problem.invalid([{ field: 'body', message: 'must be a JSON object' }]);
}

/** Whether a content type, with or without parameters, is that of JSON. */
export const isJsonType = (contentType: string): boolean => JSON_TYPE.test(contentType.split(';', 1)[0]?.trim() ?? '');

function valueOf(body: Buffer): unknown {
  const text = parseText(body);
  try {
    return JSON.parse(text, refusePrototype);
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('malformed-json', NOT_JSON, { cause: error });
  }
}

/** Throws Problem `malformed-json` for what is not UTF-8. */
export function parseText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new Problem('malformed-json', NOT_JSON, { cause: error });
  }
}

const NOT_JSON = 'the body is not JSON in UTF-8';

function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw Problem.invalid([{ field: '__proto__', message: 'should not exist' }]);
  return value;
}
