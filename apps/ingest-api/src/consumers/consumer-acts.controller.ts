import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { OVERLAP_SECONDS, overlapUntil } from '@app/domain';
import { type Audit, type Consumer, Consumers, type SecretColumns } from '@app/storage';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { Needs } from '../keys/needs.js';
import { Nudges } from '../nudges.js';
import { ConsumerForm } from './consumer-form.js';
import { ConsumerView, SecretView } from './consumer.view.js';
import { ResumeBody } from './resume.body.js';
import { RotateBody } from './rotate.body.js';

@ApiTags('consumers')
@Controller('v1/channels/:channel/consumers/:consumer')
export class ConsumerActsController {
  constructor(
    private readonly consumers: Consumers,
    private readonly form: ConsumerForm,
    private readonly nudges: Nudges,
  ) {}

  /** Holds the consumer's deliveries; those in flight end. Messages go on being accepted for it. Pausing it again changes nothing. */
  @Post('pause')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('not-found')
  async pause(@Param('channel') channel: string, @Param('consumer') name: string, @Audited() audit: Audit): Promise<ConsumerView> {
    return this.form.show(channel, await this.consumers.setPaused(channel, name, true, audit));
  }

  /**
   * Lets held deliveries go on, also behind an open breaker, which it closes; failures so far are forgotten. With `ratePerSecond` no faster than that until everything that waits has been sent (`resuming` shows it), however long it takes and
   * whoever is restarted; another resume without it ends that. Does not enable a disabled consumer: PUT it with `disabled: false`.
   */
  @Post('resume')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found')
  async resume(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: ResumeBody,
    @Audited() audit: Audit,
  ): Promise<ConsumerView> {
    const consumer = await this.consumers.setPaused(channel, name, false, audit, body?.ratePerSecond ?? null);
    this.nudges.wake([consumer.id]);
    return this.form.show(channel, consumer);
  }

  /**
   * Replaces the signing secret by a new one, shown this once, or by your own. For `overlapSeconds` (24 hours unless said) deliveries carry a signature for
   * each, newest first, so that the receiver can change over without losing one; then the old one is gone by itself. With 0 it is gone at once, and so is
   * every one before it.
   */
  @Post('rotate-secret')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('validation-failed', 'malformed-json', 'not-found', 'conflict')
  async rotateSecret(
    @Param('channel') channel: string,
    @Param('consumer') name: string,
    @Body() body: RotateBody,
    @Audited() audit: Audit,
  ): Promise<SecretView> {
    const { signingSecret, overlapSeconds } = body ?? {};
    let made: string | null = null;
    const wish = { secret: signingSecret ?? null, overlapSeconds: overlapSeconds ?? OVERLAP_SECONDS.fallback };
    const rotate = (stored: Consumer): SecretColumns => {
      const settled = this.form.rotate(stored, channel, wish);
      made = settled.made;
      return settled.columns;
    };
    const row = await this.consumers.setSecret(channel, name, rotate, audit);
    return { signingSecret: made, publicKey: row.publicKey, overlapUntil: overlapUntil(row.formerSecrets ?? [], Date.now()) };
  }
}
