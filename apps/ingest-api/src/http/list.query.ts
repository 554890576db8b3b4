import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

export class ListQuery {
  /** How many items; default 50, at most 500. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  limit?: number;

  /** `cursor` of the previous page. */
  @IsOptional()
  @IsString()
  @MaxLength(300)
  cursor?: string;
}
