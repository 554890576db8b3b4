/** How a process lives: logs, loops, metrics, health, error answers, start and stop. */
export { type Log, createLog } from './log.js';
export { NestLog } from './nest-log.js';
export { Repeat, type RepeatOptions } from './repeat.js';
export { type DispatcherMetrics, type IngestMetrics, type ProcessMetrics, type SchedulerMetrics } from './metrics.js';
export { createDispatcherMetrics, createIngestMetrics, createRegistry, createSchedulerMetrics } from './metrics.js';
export { type OpsServer, type OpsServerOptions, startOpsServer } from './ops-server.js';
export { type ReadyCheck, demandNone } from './ops-controller.js';
export { PROBLEM_TYPE, type ProblemBody, problemBody, problemOf, sendProblem } from './problem-body.js';
export { ProblemFilter } from './problem-filter.js';
export { answerClientError, problemErrorHandler, problemNotFoundHandler, problemServerOptions } from './problem-handlers.js';
export { RouteTable } from './route-table.js';
export { validationPipe } from './validation.js';
export { type Closeable, type ProcessOptions, runProcess } from './process.js';
export { NudgeListener, NudgeSender } from './nudge.js';
