import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';

const TYPE = /^[A-Za-z0-9._:/*-]{1,200}$/;

/** An event type, or a pattern of types, by which a list is narrowed. */
export const IsTypePattern = (): PropertyDecorator =>
  applyDecorators(
    IsOptional(),
    ApiProperty({ type: 'string', pattern: TYPE.source, required: false }),
    Matches(TYPE, { message: 'type must be 1 to 200 of A-Z a-z 0-9 . _ : / - and * for any characters' }),
  );
