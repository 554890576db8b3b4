import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { breakerStatus } from '@app/domain';
import { Channels, Consumers, Database, scheduledBacklog, waitsOf } from '@app/storage';
import { Refuses } from '../http/answers.js';
import { pageById } from '../http/cursor.js';
import { ListQuery } from '../http/list.query.js';
import { Needs } from '../keys/needs.js';
import { ConsumerStatusView, StatusList } from './status.view.js';

/** Scheduled messages are counted up to this. */
const MOST_SCHEDULED = 10_000;

@ApiTags('status')
@Controller('v1/status')
export class StatusController {
  constructor(
    private readonly database: Database,
    private readonly channels: Channels,
    private readonly consumers: Consumers,
  ) {}

  /** What waits, for each consumer, newest consumer first, and what is scheduled. Cheap at any size: counts stop at 10000, or at fewer when many consumers have so many. */
  @Get()
  @Needs('read')
  @Refuses('validation-failed')
  async status(@Query() query: ListQuery): Promise<StatusList> {
    const { items, cursor } = await pageById(
      query,
      (limit, before) => this.consumers.list({ limit, beforeId: before === undefined ? undefined : Number(before) }),
      (row) => row.id,
      (row) => row,
    );
    const ids = items.map((row) => row.id);
    const names = await this.channels.names(items.map((row) => row.channelId));
    const waits = await waitsOf(this.database, ids);
    const views = items.map((row): ConsumerStatusView => {
      const { ready, readySinceMs, waiting, blockedKeys, deadLetters } = waits.get(row.id)!;
      return {
        channel: names.get(row.channelId) ?? '',
        consumer: row.name,
        paused: row.pausedAt !== null,
        disabled: row.disabledAt !== null,
        held: row.pausedAt !== null || row.disabledAt !== null,
        breaker: breakerStatus(row.breakerUntil, row.breakerProbe !== null, Date.now()),
        failingSince: row.failingSince,
        ready: ready.rows,
        oldestReadyAt: readySinceMs === undefined ? null : new Date(readySinceMs),
        waiting: waiting.rows,
        blockedKeys: blockedKeys.rows,
        deadLetters: deadLetters.rows,
        capped: [ready, waiting, blockedKeys, deadLetters].some(({ capped }) => capped),
      };
    });
    const { messages, overdueMs } = await scheduledBacklog(this.database, MOST_SCHEDULED);
    return { items: views, cursor, scheduled: { messages, overdueSeconds: overdueMs / 1000, capped: messages >= MOST_SCHEDULED } };
  }
}
