import { eventually, meanwhile } from './eventually.js';

export interface Refusal {
  status: number;
  code: string;
  retryAfter: string | null;
  tookMs: number;
}

export interface ProducerOptions {
  url: string;
  channel: string;
  key: string;
  /** Producers that publish at the same time. */
  count?: number;
  /** Whether each message is repeated with its Idempotency-Key until it is acknowledged, as producers should. Default true. */
  repeats?: boolean;
}

/** Between two messages of one producer, so that the load stays the same on a fast machine. */
const PAUSE_MS = 5;
const GIVE_UP_MS = 50_000;
const AGAIN_MS = 50;

let runs = 0;

/** Producers under whose load something is broken: each publishes one message after another until `stop`. */
export class Producers {
  /** Id of each acknowledged message by its Idempotency-Key. */
  readonly acknowledged = new Map<string, string>();
  /** Answers that were not 2xx. */
  readonly refusals: Refusal[] = [];
  /** Requests that got no answer: connections refused or broken. */
  unanswered = 0;
  private sent = 0;
  private stopping = false;
  private readonly run = ++runs;
  private readonly working: Promise<void[]>;

  constructor(private readonly options: ProducerOptions) {
    this.working = Promise.all(Array.from({ length: options.count ?? 6 }, () => this.work()));
    // Whoever calls stop() hears of it.
    this.working.catch(() => undefined);
  }

  get ids(): string[] {
    return [...this.acknowledged.values()];
  }

  /** Waits until so many messages were acknowledged. */
  async reached(count: number): Promise<void> {
    await eventually(() => this.acknowledged.size >= count, GIVE_UP_MS);
  }

  /** Finishes the messages under way. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.working;
  }

  private async work(): Promise<void> {
    while (!this.stopping) {
      const key = `${this.run}-${++this.sent}`;
      if (this.options.repeats === false) await this.publish(key);
      else await eventually(() => this.publish(key), GIVE_UP_MS, AGAIN_MS);
      await meanwhile(PAUSE_MS);
    }
  }

  private async publish(key: string): Promise<boolean> {
    const { url, channel } = this.options;
    const headers = { authorization: `Bearer ${this.options.key}`, 'idempotency-key': key, 'content-type': 'text/plain' };
    let answer: { id: string; code: string };
    let response: Response;
    const began = performance.now();
    try {
      response = await fetch(`${url}/v1/channels/${channel}/messages`, { method: 'POST', body: `body of ${key}`, headers });
      answer = (await response.json()) as typeof answer;
    } catch {
      this.unanswered++;
      return false;
    }
    if (response.ok) this.acknowledged.set(key, answer.id);
    else {
      const retryAfter = response.headers.get('retry-after');
      this.refusals.push({ status: response.status, code: answer.code, retryAfter, tookMs: performance.now() - began });
    }
    return response.ok;
  }
}
