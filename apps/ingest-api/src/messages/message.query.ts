import { IsIn, IsOptional, Matches } from 'class-validator';
import { type MessageStatus, messageStatuses } from '@app/domain';
import { PublishedQuery } from '../http/published.query.js';

export class MessageQuery extends PublishedQuery {
  @IsOptional()
  @IsIn(Object.keys(messageStatuses))
  status?: MessageStatus;

  /** Only what this producer published: the producer of the API key. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._-]{1,100}$/, { message: 'producer must be the name of a producer' })
  producer?: string;

  /** Only this ordering key, exactly. */
  @IsOptional()
  @Matches(/^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/, { message: 'key must be 1 to 200 visible ASCII characters' })
  key?: string;
}
