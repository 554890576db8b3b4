import { ApiProperty } from '@nestjs/swagger';
import { type FieldProblem, type Filterable, judgeHeaders, Problem } from '@app/domain';
import { Type } from 'class-transformer';
import { Allow, IsBase64, IsNotEmptyObject, IsOptional, IsString, Matches, MaxLength, ValidateNested } from 'class-validator';
import { filterSchema } from './filter.view.js';

/** A message on paper. */
export class FilterTestMessage {
  /**
   * Its event type.
   * @example "order.paid"
   */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._:/-]{1,200}$/, { message: 'must be 1 to 200 of A-Z a-z 0-9 . _ : / -' })
  type?: string | null;

  /** Content type of the payload. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  contentType?: string | null;

  /** Headers of the producer, without `Posthorn-Header-`. */
  @IsOptional()
  @ApiProperty({ required: false, oneOf: [{ type: 'object', additionalProperties: { type: 'string' } }], example: { 'x-region': 'eu' } })
  headers?: Record<string, string> | null;

  /** Text is the payload as it is; any other JSON is the payload as JSON. */
  @Allow()
  @ApiProperty({
    required: false,
    anyOf: [{}],
    description: 'Text is the payload as it is; any other JSON value is the payload as JSON',
    example: { total: 120 },
  })
  payload?: unknown;

  /** The payload's bytes in base64, in place of `payload`. */
  @IsOptional()
  @IsBase64()
  payloadBase64?: string | null;
}

export class FilterTestBody {
  /** Left out: the consumer's own. */
  @IsOptional()
  @ApiProperty({ ...filterSchema, required: false })
  filter?: object | null;

  /** What it is asked about. */
  @IsNotEmptyObject({ nullable: true }, { message: 'must be a message: an object with type, headers, payload, …' })
  @ValidateNested()
  @Type(() => FilterTestMessage)
  message!: FilterTestMessage;
}

/** Throws Problem `validation-failed`. */
export function filterable({ type, contentType, headers, payload, payloadBase64 }: FilterTestMessage): Filterable {
  const problems: FieldProblem[] = headers ? judgeHeaders(headers, 'message.headers') : [];
  if (payload !== undefined && payloadBase64) problems.push({ field: 'message.payload', message: 'may not stand beside payloadBase64' });
  if (problems.length > 0) throw Problem.invalid(problems);
  return {
    type: type ?? null,
    contentType: contentType ?? null,
    headers: headers ? JSON.stringify(headers) : null,
    payload: payloadOf({ payload, payloadBase64 }),
  };
}

export const payloadOf = ({ payload, payloadBase64 }: Pick<FilterTestMessage, 'payload' | 'payloadBase64'>): Buffer =>
  payloadBase64 ? Buffer.from(payloadBase64, 'base64') : Buffer.from(textOf(payload));

const textOf = (payload: unknown): string => (typeof payload === 'string' ? payload : (JSON.stringify(payload) ?? ''));
