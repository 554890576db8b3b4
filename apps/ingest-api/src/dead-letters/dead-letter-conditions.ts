import { IsIn, IsOptional, IsRFC3339 } from 'class-validator';
import { type DeadReason, deadReasons, type ErrorClass, errorClasses } from '@app/domain';
import { IsTypePattern } from '../http/type-pattern.js';
import { deadLetterFilterOf, type DeadLetterFilter, type JobSettings } from '@app/storage';

/** Conditions on dead letters, in a query or a body. */
export class DeadLetterConditions {
  /** Died at or after this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  from?: string | null;

  /** Died before this time (RFC 3339). */
  @IsOptional()
  @IsRFC3339()
  to?: string | null;

  @IsOptional()
  @IsIn(deadReasons)
  reason?: DeadReason | null;

  /** How the last attempt failed, such as `timeout`. */
  @IsOptional()
  @IsIn(errorClasses)
  errorClass?: ErrorClass | null;

  /**
   * The message's type; `*` stands for any characters.
   * @example "order.*"
   */
  @IsTypePattern()
  type?: string | null;
}

/** The conditions that are there, times in one form. */
export function settingsOf(given: DeadLetterConditions & { messages?: readonly string[] | null }): JobSettings {
  const { messages, from, to, reason, errorClass, type } = given;
  return {
    ...(messages ? { messages } : {}),
    ...(from ? { from: new Date(from).toISOString() } : {}),
    ...(to ? { to: new Date(to).toISOString() } : {}),
    ...(reason ? { reason } : {}),
    ...(errorClass ? { errorClass } : {}),
    ...(type ? { type } : {}),
  };
}

export const filterOf = (given: DeadLetterConditions & { messages?: readonly string[] | null }): DeadLetterFilter =>
  deadLetterFilterOf(settingsOf(given));
