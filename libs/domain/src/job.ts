/** Work on many deliveries that is done in steps, survives every process and can be stopped. */
export const jobKinds = ['redrive', 'discard', 'replay'] as const;
export type JobKind = (typeof jobKinds)[number];

/** Why there is a job: somebody asked for it, a new consumer wants what came before it, or a consumer is well again. */
export type JobCause = 'request' | 'start-from' | 'auto-redrive';

export const jobStates = ['running', 'paused', 'done', 'cancelled', 'failed'] as const;
export type JobState = (typeof jobStates)[number];

export const jobActs = ['pause', 'resume', 'cancel'] as const;
export type JobAct = (typeof jobActs)[number];

const after: Record<JobAct, Partial<Record<JobState, JobState>>> = {
  pause: { running: 'paused', paused: 'paused' },
  resume: { paused: 'running', running: 'running', failed: 'running' },
  cancel: { running: 'cancelled', paused: 'cancelled', failed: 'cancelled', cancelled: 'cancelled' },
};

/** The state of a job after somebody's wish; undefined when it has ended in a way that does not allow it. */
export const jobAfter = (state: JobState, act: JobAct): JobState | undefined => after[act][state];

/** Whether nothing more happens to a job by itself. */
export const isFinished = (state: JobState): boolean => state === 'done' || state === 'cancelled' || state === 'failed';

/** Deliveries a second that may be asked for. */
export const JOB_RATE = { min: 0.1, max: 10_000 } as const;
const STEP_ROWS = 500;
const STEPS_A_SECOND = 4;

/** How many rows one step moves: 500, or with a rate a quarter of a second's worth, so that what is sent is spread over time. */
export const jobStepRows = (ratePerSecond: number | null): number =>
  ratePerSecond === null ? STEP_ROWS : Math.max(1, Math.min(STEP_ROWS, Math.round(ratePerSecond / STEPS_A_SECOND)));

/** How long after the time of a step the next one is due, in microseconds. */
export const jobPauseMicros = (ratePerSecond: number | null, rows: number): number =>
  ratePerSecond === null ? 0 : Math.round((rows / ratePerSecond) * 1_000_000);
