import { createLog } from './log.js';
import { NestLog } from './nest-log.js';

function capture(level = 'trace') {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('ingest', level, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

describe('createLog', () => {
  it('writes JSON with the level by name, ISO time and process', () => {
    const { log, lines } = capture('info');
    log.debug('no');
    log.info({ id: '1' }, 'delivery.attempted');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        process: 'ingest',
        pid: process.pid,
        id: '1',
        msg: 'delivery.attempted',
      },
    ]);
  });

  it('redacts credentials', () => {
    const { log, lines } = capture();
    const headers = { authorization: 'Bearer hunter2', 'proxy-authorization': 'hunter2', cookie: 'hunter2' };
    log.info({ ...headers, headers, req: { headers } }, 'x');
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('logs of an error what it is, not the statement and the values that drivers hang on it', () => {
    const { log, lines } = capture();
    const cause = Object.assign(new Error('deadlock'), { code: 'ER_LOCK_DEADLOCK', sql: 'hunter2', parameters: ['hunter2'] });
    log.error({ err: new Error('claim failed', { cause }) }, 'loop.failed');
    expect(lines[0]?.err).toMatchObject({
      type: 'Error',
      message: 'claim failed',
      cause: { message: 'deadlock', code: 'ER_LOCK_DEADLOCK' },
    });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});

describe('NestLog', () => {
  it('keeps level, context and error', () => {
    const { log, lines } = capture();
    const nest = new NestLog(log);
    nest.log('mapped', 'RouterExplorer');
    nest.log('hello', 'Mine');
    nest.warn({ a: 1 });
    nest.error(new Error('broken'), 'Error\n    at x', 'ExceptionsHandler');
    expect(lines.map(({ level, context, msg }) => [level, context, msg])).toEqual([
      ['debug', 'RouterExplorer', 'mapped'],
      ['info', 'Mine', 'hello'],
      ['warn', undefined, '{"a":1}'],
      ['error', 'ExceptionsHandler', 'broken'],
    ]);
    expect(lines[3]?.err).toMatchObject({ message: 'broken' });
  });
});
