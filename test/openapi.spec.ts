import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Cluster } from './support/cluster.js';

type Operation = {
  requestBody?: { required?: boolean };
  responses: Record<string, { content?: Record<string, { schema?: { $ref?: string } }> }>;
  operationId: string;
  security?: unknown;
};
type Document = {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, unknown> }>; securitySchemes: Record<string, unknown> };
};

describe('the description of the API', () => {
  let cluster: Cluster;
  let document: Document;

  beforeAll(async () => {
    cluster = await Cluster.start({ dispatchers: 0 });
    document = (await cluster.api<Document>('GET', '/openapi.json', undefined, {}, null)).body;
  });
  afterAll(() => cluster.stop());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    );

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    expect(document.info.version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('has every route', () => {
    const consumer = '/v1/channels/{channel}/consumers/{consumer}';
    const message = '/v1/channels/{channel}/messages/{message}';
    expect(
      operations()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(
      [
        'get /v1/channels',
        'get /v1/channels/{channel}',
        'put /v1/channels/{channel}',
        'delete /v1/channels/{channel}',
        'get /v1/producers',
        'get /v1/producers/{producer}',
        'put /v1/producers/{producer}',
        'delete /v1/producers/{producer}',
        'get /v1/keys',
        'post /v1/keys',
        'patch /v1/keys/{id}',
        'delete /v1/keys/{id}',
        'get /v1/channels/{channel}/consumers',
        `get ${consumer}`,
        `put ${consumer}`,
        `delete ${consumer}`,
        `post ${consumer}/pause`,
        `post ${consumer}/resume`,
        `post ${consumer}/rotate-secret`,
        `post ${consumer}/test`,
        'get /v1/channels/{channel}/messages',
        'post /v1/channels/{channel}/messages',
        'post /v1/channels/{channel}/messages/batch',
        `delete ${message}`,
        `get ${message}`,
        `get ${message}/payload`,
        `get ${message}/deliveries/{consumer}`,
        `get ${consumer}/deliveries`,
        'get /v1/channels/{channel}/deliveries',
        `post ${consumer}/filter/test`,
        `post ${consumer}/leases`,
        `post ${consumer}/leases/settle`,
        `post ${consumer}/leases/extend`,
        `get ${consumer}/dead-letters`,
        `post ${consumer}/dead-letters/redrive`,
        `post ${consumer}/dead-letters/discard`,
        `post ${consumer}/replay`,
        'get /v1/jobs',
        'get /v1/jobs/{job}',
        'post /v1/jobs/{job}/pause',
        'post /v1/jobs/{job}/resume',
        'post /v1/jobs/{job}/cancel',
        'get /v1/status',
        'get /v1/audit',
      ].toSorted(),
    );
  });

  it('says of every route which problems it answers, and has a unique name for it', () => {
    for (const { name, operation } of operations()) {
      for (const status of ['401', '403', '503'])
        expect([name, Object.keys(operation.responses)]).toEqual([name, expect.arrayContaining([status])]);
      for (const [status, response] of Object.entries(operation.responses)) {
        if (Number(status) >= 400)
          expect(response.content?.['application/problem+json']?.schema?.$ref).toBe('#/components/schemas/ProblemView');
      }
    }
    const names = operations().map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
  });

  it('describes the fields of bodies and answers', () => {
    const { schemas, securitySchemes } = document.components;
    expect(Object.keys(schemas['ConsumerBody']?.properties ?? {})).toEqual(
      expect.arrayContaining(['type', 'url', 'timeoutMs', 'maxInFlight', 'retry', 'headers', 'disabled', 'rateLimit']),
    );
    expect(schemas['ConsumerView']?.properties).toHaveProperty('resuming');
    expect(schemas['ChannelBody']?.properties).toHaveProperty('priorities');
    expect(schemas['ConsumerView']?.properties).toMatchObject({
      retry: { anyOf: [{ oneOf: expect.any(Array) }, { type: 'null' }] },
      url: { type: ['string', 'null'] },
      createdAt: { format: 'date-time' },
    });
    expect(Object.keys(securitySchemes)).toEqual(['key']);
  });

  it('says which bodies may be left out', async () => {
    const consumer = '/v1/channels/{channel}/consumers/{consumer}';
    expect(document.paths[`${consumer}/resume`]!['post']!.requestBody).toMatchObject({ required: false });
    expect(document.paths[`${consumer}/leases/settle`]!['post']!.requestBody).toMatchObject({ required: true });
    expect((await cluster.api('PUT', '/v1/channels/without-a-body')).status).toBe(201);
  });

  it('names the fields of everything that is sent or answered', () => {
    const { schemas } = document.components;
    expect(Object.keys(schemas).filter((name) => Object.keys(schemas[name]?.properties ?? {}).length === 0)).toEqual([]);
  });

  it('gives examples that are as it says', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: true });
    formats.default(ajv);
    ajv.addSchema(document, 'api');
    const wrong: string[] = [];
    const look = (part: unknown, at: string): void => {
      if (typeof part !== 'object' || part === null) return;
      if ('example' in part && ('type' in part || 'oneOf' in part || 'anyOf' in part)) {
        const schema = JSON.parse(JSON.stringify(part).replaceAll('"#/', '"api#/')) as object;
        if (!ajv.validate(schema, part.example)) wrong.push(`${at}: ${ajv.errorsText()}`);
      }
      for (const [name, value] of Object.entries(part)) if (name !== 'example') look(value, `${at}.${name}`);
    };
    look(document.components.schemas, 'schemas');
    look(document.paths, 'paths');
    expect(wrong).toEqual([]);
  });

  it('has an explorer that loads nothing from elsewhere', async () => {
    const page = await cluster.api<string>('GET', '/docs', undefined, {}, null);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => String(link));
    expect(links.length).toBeGreaterThan(2);
    for (const link of links) {
      const asset = await cluster.api<string>('GET', new URL(link, 'http://x/docs').pathname, undefined, {}, null);
      expect([link, link.startsWith('http'), asset.status]).toEqual([link, false, 200]);
    }
    expect(page.body).not.toMatch(/<script(?![^>]*src=)[^>]*>[^<]*\S/);
  });
});
