import { ApiProperty } from '@nestjs/swagger';
import { DISABLE_AFTER_LIMITS } from '@app/domain';
import { IsBoolean, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { disableAfterSchema } from '../consumers/breaker.view.js';
import { retrySchema } from '../http/retry.view.js';

export class ChannelBody {
  /** For people. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;

  /** How failed deliveries of the channel's consumers are tried again, where a consumer has no policy of its own. */
  @IsOptional()
  @ApiProperty({ ...retrySchema, required: false })
  retry?: object | null;

  /** How many days to keep messages, 1 to 3650; absent: for ever. Stored with the channel; this version does not delete messages yet. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3650)
  retentionDays?: number | null;

  /** false: what is first accepted is first claimed, whatever its `Posthorn-Priority`. Default true: the highest first. Holds for what is accepted from now on. */
  @IsOptional()
  @IsBoolean()
  priorities?: boolean | null;

  /** After so many seconds of nothing but failures a push consumer of the channel is disabled, where it says nothing else; 0: never. Left out: the operator's DISABLE_AFTER_SECONDS. */
  @IsOptional()
  @ApiProperty({ ...disableAfterSchema, required: false })
  @IsInt()
  @Min(DISABLE_AFTER_LIMITS[0])
  @Max(DISABLE_AFTER_LIMITS[1])
  disableAfterSeconds?: number | null;

  /**
   * Unfinished deliveries of the channel, 1 to 10000000, beyond which publishing is refused with `backlog-full`, and scheduled messages beyond which no more are
   * scheduled; absent: MAX_BACKLOG of the operator, which is no limit unless it is set.
   */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000_000)
  maxBacklog?: number | null;
}
