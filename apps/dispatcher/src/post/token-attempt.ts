import type { OAuth2 } from '@app/domain';
import type { Outgoing } from '@app/storage';
import type { Work } from '../lanes/claim-loop.js';
import type { Bagged } from './bag.js';
import { classOf, TokenEndpointError } from './errors.js';
import type { Pools } from './pools.js';
import { Attempt, type Attempted } from './post.js';
import type { Tokens } from './tokens.js';

/**
 * An attempt for a consumer that wants a token: the token, the POST, and after a 401 both once more, all under the one deadline of the attempt. Never fails:
 * whatever goes wrong is a result.
 */
export class TokenAttempt implements Bagged {
  place?: number;
  private readonly startedAtMs = Date.now();
  private readonly began = performance.now();
  private posting: Attempt | undefined;
  private readonly aborting = new AbortController();

  constructor(
    private readonly tokens: Tokens,
    private readonly oauth: OAuth2,
    private readonly wants?: 'answer',
  ) {}

  /** Resolves when the attempt is over, whether by itself, by its deadline or by `abort`. Call it once. */
  async post(pools: Pools, work: Work, message: Outgoing): Promise<Attempted> {
    const { target } = work;
    try {
      const token = await this.token(work);
      const attempted = await this.postWith(token, pools, work, message);
      if (attempted.httpCode !== 401 || this.aborting.signal.aborted || this.leftMs(work) <= 0) return this.whole(attempted);
      this.tokens.refused(target, token);
      return this.whole(await this.postWith(await this.token(work), pools, work, message));
    } catch (error) {
      return this.whole({ result: { kind: 'failed', errorClass: classOf(error) }, httpCode: null, responseBody: null });
    }
  }

  /** Ends the attempt now, whatever it is doing. */
  abort(reason: Error): void {
    this.aborting.abort(reason);
    this.posting?.abort(reason);
  }

  /** The token may be asked for on behalf of many attempts: this one stops waiting, the request goes on. */
  private async token(work: Work): Promise<string> {
    const known = this.tokens.of(work.target, this.oauth);
    if (typeof known === 'string') return known;
    let timer: NodeJS.Timeout | undefined;
    const cut = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new TokenEndpointError('no token within the delivery timeout')), Math.max(0, this.leftMs(work)));
      this.aborting.signal.addEventListener('abort', () => reject(this.aborting.signal.reason), { once: true });
    });
    try {
      return await Promise.race([known, cut]);
    } finally {
      clearTimeout(timer);
    }
  }

  private postWith(token: string, pools: Pools, work: Work, message: Outgoing): Promise<Attempted> {
    this.posting = new Attempt(this.wants, this.began);
    return this.posting.post(pools, work, message, { authorization: `Bearer ${token}`, timeoutMs: Math.max(1, this.leftMs(work)) });
  }

  private leftMs({ target }: Work): number {
    return target.timeoutMs - (performance.now() - this.began);
  }

  private whole(attempted: Pick<Attempted, 'result' | 'httpCode' | 'responseBody' | 'trace' | 'answer'>): Attempted {
    return { ...attempted, startedAtMs: this.startedAtMs, durationMs: Math.round(performance.now() - this.began) };
  }
}
