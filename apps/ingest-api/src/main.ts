import 'reflect-metadata';
import { readIngestConfig } from '@app/config';
import { runProcess } from '@app/runtime';
import { startIngest } from './start.js';

const { env } = process;

await runProcess({
  name: 'ingest-api',
  env,
  readConfig: readIngestConfig,
  start: (config, log, signal) => startIngest(config, log, signal, () => readIngestConfig(env)),
});
