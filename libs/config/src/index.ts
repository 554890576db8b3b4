/** What is set: typed, bounded values from the environment; every problem at once. */
export { ConfigError, type Environment, type Setting, type Settings, readConfig } from './read-config.js';
export { type DispatcherConfig, type IngestConfig, type ProcessConfig, type SchedulerConfig } from './processes.js';
export { readDispatcherConfig, readIngestConfig, readSchedulerConfig } from './processes.js';
export { LOG_LEVELS, type LogLevel } from './processes.js';
