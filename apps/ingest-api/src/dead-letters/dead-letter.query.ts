import { IsIn, IsOptional, IsRFC3339 } from 'class-validator';
import { type DeadReason, deadReasons } from '@app/domain';
import { ListQuery } from '../http/list.query.js';

export class DeadLetterQuery extends ListQuery {
  /** Died at or after this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  from?: string;

  /** Died before this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  to?: string;

  @IsOptional()
  @IsIn(deadReasons)
  reason?: DeadReason;
}
