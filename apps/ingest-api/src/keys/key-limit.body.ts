import { ApiProperty } from '@nestjs/swagger';
import { ValidateIf, IsDefined } from 'class-validator';
import { rateLimitSchema } from './rate-limit.view.js';

export class KeyLimitBody {
  @ValidateIf(({ rateLimit }: KeyLimitBody) => rateLimit !== null)
  @IsDefined({ message: 'rateLimit must be given; null: what the operator says' })
  @ApiProperty(rateLimitSchema)
  rateLimit!: object | null;
}
