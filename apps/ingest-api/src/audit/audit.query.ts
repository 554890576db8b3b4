import { IsIn, IsOptional, IsRFC3339, IsString, Matches, MaxLength } from 'class-validator';
import { ListQuery } from '../http/list.query.js';

export class AuditQuery extends ListQuery {
  /** Only writes with this key: its id, or `admin` for the operator's. */
  @IsOptional()
  @Matches(/^(?:admin|[0-9a-f]{16})$/, { message: 'key must be the id of a key, or admin' })
  key?: string;

  @IsOptional()
  @IsIn(['PUT', 'POST', 'PATCH', 'DELETE'])
  method?: 'PUT' | 'POST' | 'PATCH' | 'DELETE';

  /**
   * Only writes of this resource and of all below it. Others are read and passed over, so that a rare one takes longer: give a time as well.
   * @example "/v1/channels/orders"
   */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  @Matches(/^\/v1(?:\/[\x21-\x7e]*)?$/, { message: 'resource must be a path such as /v1/channels/orders' })
  resource?: string;

  /** At or after this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  from?: string;

  /** Before this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  to?: string;
}
