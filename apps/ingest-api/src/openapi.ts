import { existsSync, readFileSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { NAME_FORM } from '@app/domain';
import type { FastifyInstance } from 'fastify';
import { bodyKind } from './http/bodies.js';
import { checkedForms } from './http/checked-forms.js';
import { addCommonRefusals } from './http/common-refusals.js';

/** Swagger UI sets styles from its scripts; scripts, and everything else, come from us alone. */
const EXPLORER_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Parameters that are names which callers choose. */
const NAMED = new Set(['channel', 'consumer', 'producer']);

const methods = ['get', 'put', 'post', 'patch', 'delete'] as const;

/** OpenAPI 3.1 at `/openapi.json` and the explorer at `/docs`, both without a key and without anything from elsewhere. */
export function serveOpenApi(app: NestFastifyApplication): void {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, reply, done) => {
    if (/^\/docs(?:[/?]|$)/.test(request.url)) {
      void reply.headers({
        'content-security-policy': EXPLORER_POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
    done();
  });
  SwaggerModule.setup('docs', app, describe(app), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Posthorn API',
    swaggerOptions: { validatorUrl: null, persistAuthorization: false, tryItOutEnabled: true },
  });
}

function describe(app: NestFastifyApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Posthorn')
    .setDescription(
      'A reliable webhook broker: producers POST messages to channels, every consumer of the channel gets each of them, at least once.',
    )
    .setVersion(versionOf())
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key, or the operator’s POSTHORN_ADMIN_KEY' }, 'key')
    .addSecurityRequirements('key');
  for (const [name, text] of Object.entries(tags)) about.addTag(name, text);
  const document = SwaggerModule.createDocument(app, about.build(), { operationIdFactory: operationId });
  for (const [path, item] of Object.entries(document.paths)) {
    const url = path.replace(/\{(\w+)\}/g, ':$1');
    for (const method of methods) {
      const operation = item[method];
      if (operation) addCommonRefusals(method, operation, bodyKind({ method: method.toUpperCase(), url }) !== 'object');
    }
  }
  sayWhatIsChecked(document);
  return document;
}

/**
 * What a request is checked for, and the document does not know by itself: forms of fields, that unknown fields are refused (`validationPipe`), and that no body
 * is as good as one without fields.
 */
function sayWhatIsChecked(document: OpenAPIObject): void {
  const say = checkedForms();
  const schemas = document.components?.schemas ?? {};
  const seen = new Set<string>();
  const strict = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part ?? null).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const schema = schemas[name];
      if (!schema || !('properties' in schema) || seen.has(name)) continue;
      seen.add(name);
      schema.additionalProperties ??= false;
      for (const [field, property] of Object.entries(schema.properties ?? {})) say(field, property);
      strict(schema);
    }
  };
  const mayBeAbsent = (body: unknown): boolean => {
    const [, name = ''] = /"schema":\{"\$ref":"#\/components\/schemas\/(\w+)"\}/.exec(JSON.stringify(body)) ?? [];
    const schema = schemas[name];
    return schema !== undefined && 'properties' in schema && (schema.required ?? []).length === 0;
  };
  for (const operation of Object.values(document.paths).flatMap((item) => methods.flatMap((method) => item[method] ?? []))) {
    strict(operation.requestBody);
    if (operation.requestBody && mayBeAbsent(operation.requestBody)) Object.assign(operation.requestBody, { required: false });
    for (const parameter of operation.parameters ?? []) {
      if (!('schema' in parameter && parameter.schema)) continue;
      say(parameter.name, parameter.schema);
      if (parameter.in === 'path' && NAMED.has(parameter.name)) Object.assign(parameter.schema, { pattern: `^${NAME_FORM}$` });
    }
  }
}

const tags = {
  channels: 'The broadcast highways that messages go to',
  consumers: 'Systems that get every message of a channel',
  producers: 'Systems that publish',
  keys: 'API keys and their scopes',
  messages: 'Publish, and look at what was published',
  deliveries: 'One message for one consumer, with its attempts',
  leases: 'Pull: lease deliveries, work, say how it went',
  'dead letters': 'Deliveries that failed for good: look, send again, discard',
  status: 'What waits',
  audit: 'Who changed what',
};

/** Acts on several things at once. */
const PLURAL = new Set(['list', 'redrive', 'discard', 'take', 'settle', 'extend']);

/** `ChannelsController.put` is `putChannel`: unique, and a good name for a function of a generated client. */
function operationId(controller: string, method: string): string {
  const things = controller.replace(/(?:Reads|Acts)?Controller$/, '');
  if (things.toLowerCase() === method) return method;
  return method + (PLURAL.has(method) ? things : things.replace(/ies$/, 'y').replace(/s$/, ''));
}

/** package.json is in one of the folders above, both of `dist` and of the sources. */
function versionOf(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    const file = new URL('package.json', folder);
    if (!existsSync(file)) continue;
    const about: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof about === 'object' && about !== null && 'version' in about) return String(about.version);
  }
  throw new Error('package.json is missing');
}
