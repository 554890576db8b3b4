import 'reflect-metadata';
import { connect } from 'node:net';
import { Body, Controller, Get, HttpException, Module, Param, ParseIntPipe, Post, Put } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Type } from 'class-transformer';
import { IsInt, IsString, Max, ValidateNested } from 'class-validator';
import { Problem } from '@app/domain';
import { createLog } from './log.js';
import { NestLog } from './nest-log.js';
import { ProblemFilter } from './problem-filter.js';
import { problemServerOptions } from './problem-handlers.js';
import { RouteTable } from './route-table.js';
import { validationPipe } from './validation.js';

class Retry {
  @IsInt()
  @Max(100)
  attempts!: number;
}

class Consumer {
  @IsString()
  url!: string;

  @ValidateNested()
  @Type(() => Retry)
  retry!: Retry;
}

@Controller('things')
class ThingsController {
  @Post()
  create(@Body() body: Consumer): Consumer {
    return body;
  }

  @Put(':name')
  replace(@Param('name', ParseIntPipe) name: number): number {
    return name;
  }

  @Get('full')
  full(): never {
    throw new Problem('queue-full', 'try again', { retryAfterSeconds: 0.2 });
  }

  @Get('broken')
  broken(): never {
    throw Object.assign(new Error('hunter2'), { sql: 'SELECT hunter2' });
  }

  @Get('teapot')
  teapot(): never {
    throw new HttpException('short and stout', 418);
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

let app: NestFastifyApplication;
let base: string;
const lines: string[] = [];

beforeAll(async () => {
  const log = createLog('test', 'warn', { write: (line: string) => void lines.push(line) });
  const adapter = new FastifyAdapter({ ...problemServerOptions(log), bodyLimit: 200, routerOptions: { maxParamLength: 100 } });
  const routes = new RouteTable(adapter.getInstance());
  app = await NestFactory.create<NestFastifyApplication>(ThingsModule, adapter, { logger: new NestLog(log), abortOnError: false });
  app.useGlobalPipes(validationPipe());
  app.useGlobalFilters(new ProblemFilter(log, routes));
  await app.listen(0, '127.0.0.1');
  base = await app.getUrl();
});
afterAll(() => app.close());

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(base + path, init);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const body: unknown = await response.json();
  expect(body).toMatchObject({ status: response.status, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  return { response, body };
}

const post = (body: string, type = 'application/json') => ask('/things', { method: 'POST', body, headers: { 'content-type': type } });

it('answers a problem with its code and when to come back', async () => {
  const { response, body } = await ask('/things/full');
  expect(response.headers.get('retry-after')).toBe('1');
  expect(body).toMatchObject({ type: 'https://posthorn.dev/problems/queue-full', code: 'queue-full', status: 503, detail: 'try again' });
});

it('names every wrong field with its path', async () => {
  const { body } = await post(JSON.stringify({ url: 5, retry: { attempts: 1000 }, extra: 1 }));
  expect(body).toMatchObject({
    code: 'validation-failed',
    errors: expect.arrayContaining([
      { field: 'url', message: 'must be a string' },
      { field: 'retry.attempts', message: 'must not be greater than 100' },
      { field: 'extra', message: 'should not exist' },
    ]),
  });
});

it('answers what Fastify refuses', async () => {
  expect((await post('{"url"')).body).toMatchObject({ code: 'malformed-json', status: 400 });
  expect((await post('')).body).toMatchObject({ code: 'malformed-json', status: 400 });
  expect((await post('x'.repeat(201))).body).toMatchObject({ code: 'payload-too-large', status: 413 });
  expect((await post('a', 'application/xml')).body).toMatchObject({ code: 'unsupported-media-type', status: 415 });
  expect((await ask(`/things/${'x'.repeat(101)}`, { method: 'PUT' })).body).toMatchObject({ code: 'uri-too-long', status: 414 });
  expect((await ask('/things/%zz')).body).toMatchObject({ code: 'validation-failed', status: 400 });
});

it('tells an unknown method from an unknown path', async () => {
  expect((await ask('/nothing?x=1')).body).toMatchObject({ code: 'not-found', status: 404 });
  const { response, body } = await ask('/things/full?x=1', { method: 'DELETE' });
  expect(body).toMatchObject({ code: 'method-not-allowed', status: 405 });
  expect(response.headers.get('allow')).toBe('GET, HEAD, PUT');
});

it('takes the exceptions of Nest', async () => {
  expect((await ask('/things/x', { method: 'PUT' })).body).toMatchObject({
    code: 'validation-failed',
    detail: expect.stringContaining('numeric'),
  });
  expect((await ask('/things/teapot')).body).toMatchObject({ code: 'validation-failed', status: 400 });
});

it('logs what nobody expected, and does not show it', async () => {
  lines.length = 0;
  const { body } = await ask('/things/broken');
  expect(body).toMatchObject({ code: 'internal', status: 500 });
  expect(JSON.stringify(body)).not.toContain('hunter2');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('problem-filter.spec');
  expect(lines[0]).not.toContain('SELECT');
});

it.each([
  ['GET / HTTP/1.1\r\nhost: x\r\nbig: ' + 'x'.repeat(20_000) + '\r\n\r\n', 431, 'header-too-large'],
  ['nonsense\r\n\r\n', 400, 'validation-failed'],
])('answers on the bare socket what is not HTTP: %.20j', async (request, status, code) => {
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  socket.write(request);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(Buffer.from(chunk));
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  expect(head).toContain(`HTTP/1.1 ${status} `);
  expect(JSON.parse(body)).toMatchObject({ code, status });
});
