import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { load } from 'js-yaml';
import { chart, documentedSettings, get, isMap, read, scenarios, valuesWith } from './chart.js';

/** A nested object from a dotted path: at('a.b', 1) is {a: {b: 1}}. */
const at = (path: string, value: unknown): unknown => path.split('.').reduceRight((inner, name) => ({ [name]: inner }), value);

/** What can be said about the chart without helm. */
describe('the values of the chart', () => {
  const schema: unknown = JSON.parse(read('values.schema.json'));
  let accepts: ValidateFunction;
  beforeAll(() => {
    if (!isMap(schema)) throw new Error('values.schema.json is not an object');
    accepts = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false }).compile(schema);
  });

  const problems = (candidate: unknown): string[] => {
    accepts(candidate);
    return (accepts.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
  };

  it('fit their schema by default', () => {
    expect(problems(valuesWith())).toEqual([]);
  });

  it.each(scenarios)('fit their schema in ci/%s', (scenario) => {
    expect(problems(valuesWith(load(read('ci', scenario))))).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['replicaCount', 3],
    ['ingest.replica', 3],
    ['ingest.replicas', 'three'],
    ['ingest.config.MAX_BODY_BYTES', 99_999_999],
    ['ingest.config.MAX_IN_FLIGHT', 10],
    ['ingest.config.PORT', 80],
    ['ingest.service.type', 'ExternalName'],
    ['ingest.ingress.enabled', true],
    ['ingest.tls.secretName', 'posthorn-tls'],
    ['ingest.httpRoute.enabled', true],
    ['ingest.extraEnv', [{ name: 'DATABASE_URL', value: 'mysql://elsewhere' }]],
    ['dispatcher.config.NUDGE_PORT', 1],
    ['dispatcher.antiAffinity', 'yes'],
    ['dispatcher.podDisruptionBudget.maxUnavailable', 'one'],
    ['dispatcher.autoscaling.minReplicas', 0],
    ['config.LOG_LEVEL', 'verbose'],
    ['config.ALLOWED_TARGETS', 'everything'],
    ['config.SHUTDOWN_TIMEOUT_MS', 10],
    ['image.digest', 'latest'],
    ['image.pullPolicy', 'Sometimes'],
    ['secret.create', true],
    ['secret.secretKey', 'short'],
    ['networkPolicy.database.port', 70_000],
    ['networkPolicy.ingestFrom', [{}]],
    ['metrics.serviceMonitor.interval', 'often'],
  ])('refuse %s = %j', (path, value) => {
    expect(problems(valuesWith(at(path, value)))).not.toEqual([]);
  });

  it.each(['ingest', 'dispatcher', 'scheduler'])('know every documented setting of the %s, with its limits', (component) => {
    const setByTheChart = /^(DATABASE_URL|POSTHORN_.*|PORT|HOST|OPS_.*|NUDGE_.*|TLS_.*)$/;
    const expected = documentedSettings.filter(
      ({ variable, readBy }) => !setByTheChart.test(variable) && (readBy === 'all' || readBy.includes(component)),
    );
    const known = get(schema, 'properties', component, 'properties', 'config', 'properties') ?? {};
    expect(Object.keys(known).toSorted()).toEqual(expected.map(({ variable }) => variable).toSorted());
    const ranges = expected.flatMap(({ variable, limits }) => {
      const range = limits.match(/^(\d+)–(\d+)$/);
      return range ? [[variable, expect.objectContaining({ minimum: Number(range[1]), maximum: Number(range[2]) })]] : [];
    });
    expect(known).toMatchObject(Object.fromEntries(ranges));
  });
});

describe('the templates of the chart', () => {
  it('set no environment variable that the documentation does not know', () => {
    const names = readdirSync(join(chart, 'templates'))
      .filter((file) => /\.(yaml|tpl)$/.test(file))
      .flatMap((file) => [...read('templates', file).matchAll(/"?name"?:? "?([A-Z][A-Z_]{3,})"?/g)].flatMap((match) => match[1] ?? []))
      .filter((name) => !name.startsWith('NODE_'));
    expect(names).toEqual(expect.arrayContaining(['DATABASE_URL', 'NUDGE_HOST', 'NUDGE_PORT', 'OPS_PORT', 'PORT', 'POSTHORN_SECRET_KEY']));
    const known = documentedSettings.map(({ variable }) => variable);
    expect(names.filter((name) => !known.includes(name.replace(/_FILE$/, '')))).toEqual([]);
  });
});
