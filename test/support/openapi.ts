import type { Cluster } from './cluster.js';

/** One method of one path, as the description of the API has it. */
export interface Operation {
  method: string;
  /** With its parameters in braces. */
  path: string;
  /** Scopes of which it needs one, their names in braces. */
  scopes: string[];
}

interface Document {
  paths: Record<string, Record<string, { security?: { key?: string[] }[] }>>;
}

/** Every operation that the API describes. */
export async function operationsOf(cluster: Cluster): Promise<Operation[]> {
  const { paths } = (await cluster.api<Document>('GET', '/openapi.json', undefined, {}, null)).body;
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { security = [] }]) => ({
      method: method.toUpperCase(),
      path,
      scopes: security.flatMap(({ key = [] }) => key),
    })),
  );
}
