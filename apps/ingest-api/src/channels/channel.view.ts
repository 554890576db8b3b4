import { ApiProperty } from '@nestjs/swagger';
import type { Channel } from '@app/storage';
import { retrySchema } from '../http/retry.view.js';

export class ChannelView {
  name!: string;
  description!: string;
  @ApiProperty(retrySchema)
  retry!: object | null;
  retentionDays!: number | null;
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

export const viewChannel = ({ name, description, retry, retentionDays, version, createdAt, updatedAt }: Channel): ChannelView => ({
  name,
  description,
  retry,
  retentionDays,
  version,
  createdAt,
  updatedAt,
});
