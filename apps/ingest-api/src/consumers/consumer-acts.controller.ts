import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Consumers } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { Needs } from '../keys/needs.js';
import { Nudges } from '../nudges.js';
import { ConsumerView, SecretView, viewConsumer } from './consumer.view.js';
import { SigningSecrets } from './signing-secrets.js';

@ApiTags('consumers')
@Controller('v1/channels/:channel/consumers/:consumer')
export class ConsumerActsController {
  constructor(
    private readonly consumers: Consumers,
    private readonly secrets: SigningSecrets,
    private readonly nudges: Nudges,
  ) {}

  /** Holds the consumer's deliveries; those in flight end. Messages go on being accepted for it. Pausing it again changes nothing. */
  @Post('pause')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('not-found')
  async pause(@Param('channel') channel: string, @Param('consumer') name: string): Promise<ConsumerView> {
    return viewConsumer(channel, await this.consumers.setPaused(channel, name, true));
  }

  /** Lets held deliveries go on. Does not enable a disabled consumer: PUT it with `disabled: false`. */
  @Post('resume')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('not-found')
  async resume(@Param('channel') channel: string, @Param('consumer') name: string): Promise<ConsumerView> {
    const consumer = await this.consumers.setPaused(channel, name, false);
    this.nudges.wake([consumer.id]);
    return viewConsumer(channel, consumer);
  }

  /**
   * Makes a new signing secret, shown this once. It replaces the old one at once: deliveries are signed with the new one alone, so give it
   * to the receiver right away. Signing with both for a while comes with a later version.
   */
  @Post('rotate-secret')
  @HttpCode(200)
  @Needs('manage')
  @Refuses('not-found')
  async rotateSecret(@Param('channel') channel: string, @Param('consumer') name: string): Promise<SecretView> {
    const { secret, sealed } = this.secrets.make(channel, name);
    await this.consumers.setSecret(channel, name, sealed);
    return { signingSecret: secret };
  }
}
