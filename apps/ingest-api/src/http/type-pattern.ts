import { applyDecorators } from '@nestjs/common';
import { IsOptional, Matches } from 'class-validator';

/** An event type, or a pattern of types, by which a list is narrowed. */
export const IsTypePattern = (): PropertyDecorator =>
  applyDecorators(
    IsOptional(),
    Matches(/^[A-Za-z0-9._:/*-]{1,200}$/, { message: 'type must be 1 to 200 of A-Z a-z 0-9 . _ : / - and * for any characters' }),
  );
