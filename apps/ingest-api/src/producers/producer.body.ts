import { IsOptional, IsString, MaxLength } from 'class-validator';

export class ProducerBody {
  /** For people. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  description?: string | null;
}
