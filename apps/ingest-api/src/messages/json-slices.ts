/**
 * Where the values of a JSON text begin and end, so that they can be passed on as they were written: numbers of any length, the order of members and blanks included.
 * For texts that `JSON.parse` has accepted only. Without recursion: nesting may be as deep as it likes.
 */

/** The elements of a JSON array, as written. */
export function elementsOf(array: string): string[] {
  const elements: string[] = [];
  let at = afterBlanks(array, afterBlanks(array, 0) + 1);
  while (array[at] !== ']') {
    const end = endOfValue(array, at);
    elements.push(array.slice(at, end));
    at = nextAfter(array, end);
  }
  return elements;
}

/** The value of the last member of a JSON object that has this name, as written: the one that `JSON.parse` takes. */
export function memberOf(object: string, name: string): string | undefined {
  let found: string | undefined;
  let at = afterBlanks(object, afterBlanks(object, 0) + 1);
  while (object[at] !== '}') {
    const nameEnd = endOfValue(object, at);
    const isIt = JSON.parse(object.slice(at, nameEnd)) === name;
    const from = afterBlanks(object, afterBlanks(object, nameEnd) + 1);
    const end = endOfValue(object, from);
    if (isIt) found = object.slice(from, end);
    at = nextAfter(object, end);
  }
  return found;
}

/** Steps over a comma and blanks; stays at what closes the array or object. */
function nextAfter(text: string, end: number): number {
  const at = afterBlanks(text, end);
  return text[at] === ',' ? afterBlanks(text, at + 1) : at;
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (BLANKS.has(text.charCodeAt(at))) at++;
  return at;
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);
const OPENS = new Set([0x5b, 0x7b]);
const CLOSES = new Set([0x5d, 0x7d]);

function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(text, at);
    } else if (OPENS.has(code)) {
      depth++;
      at++;
    } else if (CLOSES.has(code)) {
      depth--;
      at++;
    } else {
      at = depth > 0 ? at + 1 : endOfWord(text, at);
    }
  } while (depth > 0);
  return at;
}

function endOfText(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
}

/** A number, true, false or null. */
function endOfWord(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA || BLANKS.has(code) || CLOSES.has(code)) return at;
  }
  return text.length;
}
