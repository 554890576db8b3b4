import type { FastifyInstance } from 'fastify';

type Route = { readonly method: string; readonly pattern: RegExp };

/**
 * The routes of a Fastify instance, learnt as they are registered, so that an unknown method on a known path can be told from an unknown
 * path: Fastify does not tell. Make it before the routes are registered. Looked at only after a request matched nothing.
 */
export class RouteTable {
  private readonly routes: Route[] = [];

  constructor(instance: Pick<FastifyInstance, 'addHook'>) {
    instance.addHook('onRoute', ({ method, url }) => {
      for (const name of [method].flat()) this.routes.push({ method: name, pattern: patternOf(url) });
    });
  }

  /** The methods that the path of `url` has, sorted; empty when there is no such path. */
  methodsOf(url: string): string[] {
    const path = url.split('?', 1)[0] ?? '';
    const found = this.routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(found)].toSorted();
  }
}

/** `/v1/channels/:channel/*` in the notation of find-my-way; our routes have no other. */
function patternOf(url: string): RegExp {
  const steps = url.split('/').map((step) => {
    if (step === '*') return '.*';
    return step.startsWith(':') ? '[^/]+' : step.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${steps.join('/')}$`);
}
