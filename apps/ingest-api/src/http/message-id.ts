import { type Id, Problem } from '@app/domain';

const MAX = 2n ** 64n - 1n;

/** A message id in a path. Throws {@link Problem} `not-found` for a text that no message can have. */
export function messageId(text: string): Id {
  if (!/^[1-9]\d{0,19}$/.test(text) || BigInt(text) > MAX) throw new Problem('not-found', 'there is no such message');
  return text;
}
