import { Controller, Delete, HttpCode, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Problem } from '@app/domain';
import { type Audit, cancel, Channels, Database } from '@app/storage';
import { Audited } from '../audit/audited.js';
import { Refuses } from '../http/answers.js';
import { messageId } from '../http/message-id.js';
import { Needs } from '../keys/needs.js';

@ApiTags('messages')
@Controller('v1/channels/:channel/messages')
export class CancelController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
  ) {}

  /** Cancels a message that is scheduled: it goes to nobody. Saying it again changes nothing. 409 `not-scheduled` when it has left, or was never scheduled. */
  @Delete(':message')
  @HttpCode(204)
  @Needs('publish', 'manage')
  @Refuses('not-found', 'not-scheduled')
  async cancel(@Param('channel') channel: string, @Param('message') text: string, @Audited() audit: Audit): Promise<void> {
    const id = messageId(text);
    const outcome = await cancel(this.database, (await this.channels.get(channel)).id, id, audit);
    if (outcome === 'unknown-message') throw new Problem('not-found', 'there is no such message');
    if (outcome === 'left') throw new Problem('not-scheduled');
  }
}
