/** Of a regular expression: what a name is made of. */
export const NAME_FORM = '[A-Za-z0-9._-]{1,100}';
const NAME = new RegExp(`^${NAME_FORM}$`);

/** Whether `text` may name a channel, producer or consumer: `[A-Za-z0-9._-]{1,100}`, and not a step of a path (`.`, `..`). */
export const isName = (text: unknown): text is string => typeof text === 'string' && NAME.test(text) && text !== '.' && text !== '..';
