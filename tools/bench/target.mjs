import { Problem } from '../steps/problem.mjs';
import { measure, startSink } from './measure.mjs';
import { newTag } from './message.mjs';
import { measureCases } from './sweep.mjs';

/** Measures a broker that somebody else runs and whose consumers POST to our sink: any path there, a path is a consumer. */
export const loadTarget = (options, context) => measureCases(options, (one, detail) => measureCase(one, { ...context, options, detail }));

async function measureCase(one, { options, signal, detail }) {
  const { url, headers, body, processes, sinkHost, sinkPort } = options.target;
  const { origin, pathname, search } = new URL(url);
  const tag = newTag();
  const { sink, heard } = await startSink({ tag, signal, host: sinkHost, port: sinkPort });
  try {
    if (heard.problem) throw new Problem(`The sink cannot listen on ${sinkHost}:${sinkPort}: ${heard.problem}`);
    const figures = await measure({
      order: { url: origin, paths: [pathname + search], headers, body, ...one, tag, warmUpSeconds: options.warmUpSeconds },
      copies: [one.fanOut],
      prefix: '/',
      sink,
      processes,
      signal,
      drainSeconds: options.drainSeconds,
      detail,
    });
    return { figures, complaints: [] };
  } finally {
    await sink.stop();
  }
}
