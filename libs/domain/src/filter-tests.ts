/** One condition on one value: a text, number, boolean or null of a message. */
export type Test = (value: unknown) => boolean;

/** A text with `*` for any characters, also none: the pieces between them are looked for one after the other, without a regular expression. */
export function wildcard(pattern: string): Test {
  const pieces = pattern.split('*');
  if (pieces.length === 1) return (value) => value === pattern;
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  return (value) => {
    if (typeof value !== 'string' || value.length < first.length + last.length) return false;
    if (!value.startsWith(first) || !value.endsWith(last)) return false;
    let at = first.length;
    for (const piece of middle) {
      const found = value.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= value.length - last.length;
  };
}

export const equals =
  (expected: unknown): Test =>
  (value) =>
    value === expected;

export const prefix =
  (text: string): Test =>
  (value) =>
    typeof value === 'string' && value.startsWith(text);

export const suffix =
  (text: string): Test =>
  (value) =>
    typeof value === 'string' && value.endsWith(text);

export function equalsIgnoreCase(text: string): Test {
  const lower = text.toLowerCase();
  // Lengths may differ by case in some alphabets, but not by more than this.
  return (value) => typeof value === 'string' && value.length <= 3 * text.length && value.toLowerCase() === lower;
}

const comparisons = {
  '=': (a: number, b: number) => a === b,
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
} as const;

/** `[">", 0, "<=", 5]`; undefined when it is not of that form. */
export function numeric(bounds: unknown): Test | undefined {
  if (!Array.isArray(bounds) || (bounds.length !== 2 && bounds.length !== 4)) return undefined;
  const all: ((value: number) => boolean)[] = [];
  for (let at = 0; at < bounds.length; at += 2) {
    const compare = new Map(Object.entries(comparisons)).get(String(bounds[at]));
    const limit: unknown = bounds[at + 1];
    if (!compare || typeof limit !== 'number') return undefined;
    all.push((value) => compare(value, limit));
  }
  return (value) => typeof value === 'number' && all.every((holds) => holds(value));
}
