import type { Schema } from './schemas.js';

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema?: Schema;
}
interface Content {
  schema?: Schema;
  examples?: Record<string, unknown>;
}
interface Described {
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Content> };
  responses: Record<string, { content?: Record<string, Content> }>;
}

/** `/openapi.json`, as far as requests and answers need it. */
export interface ApiDocument {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema> };
}

/** One method of one path, with what it takes and everything that it may answer. */
export interface ApiOperation {
  name: string;
  method: string;
  path: string;
  parameters: readonly Parameter[];
  /** Undefined: it takes none. */
  body: { schema: Schema; contentType: string; required: boolean } | undefined;
  /** The codes of each status from 400 on. */
  codes: ReadonlyMap<number, ReadonlySet<string>>;
  /** The content types of each status below that, with pointers to their schemas; none: no content. */
  answers: ReadonlyMap<number, ReadonlyMap<string, string>>;
}

const PROBLEM = 'application/problem+json';
const escape = (step: string): string => step.replaceAll('~', '~0').replaceAll('/', '~1');

export const describedIn = ({ paths }: ApiDocument): ApiOperation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { parameters = [], requestBody, responses }]) => {
      const [contentType, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
      const codes = new Map<number, Set<string>>();
      const answers = new Map<number, Map<string, string>>();
      for (const [status, response] of Object.entries(responses)) {
        const bodies = response.content ?? {};
        if (Number(status) >= 400) codes.set(Number(status), new Set(Object.keys(bodies[PROBLEM]?.examples ?? {})));
        else {
          const pointer = (type: string): string =>
            ['paths', path, method, 'responses', status, 'content', type, 'schema'].map(escape).join('/');
          answers.set(Number(status), new Map(Object.keys(bodies).map((type) => [type, pointer(type)])));
        }
      }
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        parameters,
        body:
          contentType === undefined ? undefined : { schema: content?.schema ?? {}, contentType, required: requestBody?.required ?? false },
        codes,
        answers,
      };
    }),
  );
