import 'reflect-metadata';
import { readIngestConfig } from '@app/config';
import { runProcess } from '@app/runtime';
import { startIngest } from './start.js';

await runProcess({ name: 'ingest-api', env: process.env, readConfig: readIngestConfig, start: startIngest });
