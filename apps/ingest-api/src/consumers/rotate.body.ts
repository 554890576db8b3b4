import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { OVERLAP_SECONDS } from '@app/domain';

export class RotateBody {
  /** How long the replaced secret signs as well: 0 to 2592000 (30 days). Default 86400 (24 hours). */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(OVERLAP_SECONDS.max)
  overlapSeconds?: number | null;

  /** Your own secret: `whsec_` and base64 of 24 to 64 bytes, or with the scheme `v1a` `whsk_` and base64 of an Ed25519 key. Left out: a new one. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  signingSecret?: string | null;
}
