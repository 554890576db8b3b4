import { ApiProperty } from '@nestjs/swagger';
import type { Channel } from '@app/storage';
import { retrySchema } from '../http/retry.view.js';

export class ChannelView {
  name!: string;
  description!: string;
  @ApiProperty(retrySchema)
  retry!: object | null;
  retentionDays!: number | null;
  /** false: what is first accepted is first claimed, whatever its priority. */
  priorities!: boolean;
  /** Seconds of nothing but failures after which its push consumers are disabled; 0: never; null: the operator's DISABLE_AFTER_SECONDS. */
  disableAfterSeconds!: number | null;
  /** Unfinished deliveries beyond which publishing is refused; null: as the operator says. */
  maxBacklog!: number | null;
  /** Counts changes; also the ETag. */
  version!: number;
  createdAt!: Date;
  updatedAt!: Date;
}

export class ChannelList {
  items!: ChannelView[];
  /** Of the next page; null at the end. */
  cursor!: string | null;
}

export const viewChannel = (row: Channel): ChannelView => ({
  name: row.name,
  description: row.description,
  retry: row.retry,
  retentionDays: row.retentionDays,
  maxBacklog: row.maxBacklog,
  priorities: row.priorities,
  disableAfterSeconds: row.disableAfterSeconds,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});
