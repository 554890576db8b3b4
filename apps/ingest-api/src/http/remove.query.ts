import { IsIn, IsOptional } from 'class-validator';

export class RemoveQuery {
  /** `true` also gives up what still depends on it. */
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'force must be true or false' })
  force?: 'true' | 'false';
}
