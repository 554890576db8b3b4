import { ArrayMaxSize, ArrayMinSize, IsArray, IsDefined, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

export class ExtendBody {
  /**
   * 1 to 500.
   * @example ["AQAAAAcJBQ1wB0cAEAAFDXAHRwAQAAABwWi2oqJ3cl4"]
   */
  @IsDefined()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  receipts!: string[];

  /**
   * How long the deliveries are yours from now on, in milliseconds; default 30000, from 1000 to 43200000 (12 hours).
   * @example 60000
   */
  @IsOptional()
  @IsInt()
  @Min(1_000)
  @Max(43_200_000)
  leaseMs?: number | null;
}
