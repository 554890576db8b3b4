import { createHash } from 'node:crypto';
import { Problem } from '@app/domain';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const SUM_CHARACTERS = 12;
const NO_CURSOR = '!';
const FORM = /^([\w-]{1,280})\.([\w-]{12})$/;

/**
 * Binds the cursors of all lists to the list and the filters that they came from: a check sum over path, filters and place goes out with each, and one that does
 * not come back with the same path and filters is refused. It keeps callers from reading on in the wrong place, not from reading: a place gives no rights.
 */
export function bindCursors(fastify: FastifyInstance): void {
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (request.method !== 'GET' || !isRecord(request.query) || typeof request.query.cursor !== 'string') return done();
    const [, place, sum] = FORM.exec(request.query.cursor) ?? [];
    // A wrong one is refused where it is read: after the key was checked.
    request.query.cursor = place !== undefined && sum === sumOf(request, place) ? place : NO_CURSOR;
    done();
  });
  fastify.addHook('preSerialization', (request, _reply, answer, done) => {
    if (request.method !== 'GET' || !isRecord(answer) || typeof answer.cursor !== 'string') return done(null, answer);
    done(null, { ...answer, cursor: `${answer.cursor}.${sumOf(request, answer.cursor)}` });
  });
}

export const badCursor = (): Problem => Problem.invalid([{ field: 'cursor', message: 'is not a cursor of this list with these filters' }]);

function sumOf(request: FastifyRequest, place: string): string {
  const [path] = request.url.split('?', 1);
  const filters = isRecord(request.query) ? Object.entries(request.query).filter(([name]) => name !== 'cursor' && name !== 'limit') : [];
  const text = JSON.stringify([path, filters.toSorted(([a], [b]) => (a < b ? -1 : 1)), place]);
  return createHash('sha256').update(text).digest('base64url').slice(0, SUM_CHARACTERS);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
