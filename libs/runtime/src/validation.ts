import { type ValidationError, ValidationPipe } from '@nestjs/common';
import { type FieldProblem, Problem } from '@app/domain';

const MAX_ERRORS = 100;

/**
 * Checks bodies and queries against their classes (class-validator): unknown fields are refused, every problem is named with its path
 * (`retry.baseSeconds`), at most 100 of them. Throws {@link Problem} `validation-failed`.
 */
export const validationPipe = (): ValidationPipe =>
  new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
    stopAtFirstError: false,
    validationError: { target: false, value: false },
    exceptionFactory: (errors: ValidationError[]) => Problem.invalid(flatten(errors, '').slice(0, MAX_ERRORS)),
  });

function flatten(errors: readonly ValidationError[], prefix: string): FieldProblem[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const field = prefix + property;
    const own = Object.values(constraints ?? {}).map((message) => ({ field, message: withoutName(message, property) }));
    return [...own, ...flatten(children ?? [], `${field}.`)];
  });
}

/** class-validator begins its messages with the name of the property, which `field` says already. */
const withoutName = (message: string, property: string): string =>
  message.startsWith(`${property} `) ? message.slice(property.length + 1) : message.replace(`property ${property} should`, 'should');
