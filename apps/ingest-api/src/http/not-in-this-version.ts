import { registerDecorator } from 'class-validator';

/** Refuses a field that a later version will take, so that nobody believes it is obeyed. */
export function NotInThisVersion(): PropertyDecorator {
  return (target, property) =>
    registerDecorator({
      name: 'notInThisVersion',
      target: target.constructor,
      propertyName: String(property),
      options: { message: '$property is not supported by this version of Posthorn' },
      validator: { validate: (value: unknown) => value === undefined || value === null },
    });
}
