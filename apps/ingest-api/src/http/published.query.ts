import { IsOptional, IsRFC3339 } from 'class-validator';
import { ListQuery } from './list.query.js';
import { IsTypePattern } from './type-pattern.js';

/** Narrows a list by what its messages are. */
export class PublishedQuery extends ListQuery {
  /**
   * Only messages of this event type; `*` stands for any characters.
   * @example "order.*"
   */
  @IsTypePattern()
  type?: string;

  /** Messages published at or after this time (RFC 3339): the time in their ids. Narrows what is looked at. */
  @IsOptional()
  @IsRFC3339()
  from?: string;

  /** Messages published before this time (RFC 3339). Narrows what is looked at. */
  @IsOptional()
  @IsRFC3339()
  to?: string;
}
