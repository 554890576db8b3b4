const NAME = /^[A-Za-z0-9._-]{1,100}$/;

/** Whether `text` may name a channel, producer or consumer: `[A-Za-z0-9._-]{1,100}`, and not a step of a path (`.`, `..`). */
export const isName = (text: unknown): text is string => typeof text === 'string' && NAME.test(text) && text !== '.' && text !== '..';
