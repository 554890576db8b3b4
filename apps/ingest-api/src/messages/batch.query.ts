import { IsIn, IsOptional } from 'class-validator';

export class BatchQuery {
  /** `false`: each item for itself, and what became of it in its result. Otherwise all are stored, or none. */
  @IsOptional()
  @IsIn(['true', 'false'])
  atomic?: 'true' | 'false';
}
