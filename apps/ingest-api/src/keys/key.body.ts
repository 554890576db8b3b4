import { ApiProperty } from '@nestjs/swagger';
import { IsDefined, IsOptional, IsRFC3339, IsString, MaxLength, MinLength } from 'class-validator';
import { NAME_FORM } from '@app/domain';
import { rateLimitSchema } from './rate-limit.view.js';

const NAME = `(\\*|${NAME_FORM})`;

export class KeyBody {
  /** For people. */
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name!: string;

  /** What the key may do; `*` stands for every name. */
  @IsDefined()
  @ApiProperty({
    type: 'array',
    minItems: 1,
    maxItems: 100,
    items: { type: 'string', pattern: `^(admin|read|(publish|manage):${NAME}|consume:${NAME}/${NAME})$` },
    example: ['publish:orders', 'consume:orders/billing'],
  })
  scopes!: unknown;

  /** From when on the key is refused. */
  @IsOptional()
  @IsRFC3339({ message: 'expiresAt must be a time after RFC 3339, such as 2027-01-31T12:00:00Z' })
  @ApiProperty({ type: 'string', format: 'date-time', required: false, nullable: true })
  expiresAt?: string | null;

  @IsOptional()
  @ApiProperty({ ...rateLimitSchema, required: false })
  rateLimit?: object | null;

  /** The producer that messages published with this key come from. It must exist. */
  @IsOptional()
  @IsString()
  @ApiProperty({ type: 'string', pattern: `^${NAME_FORM}$`, required: false, nullable: true })
  producer?: string | null;
}
