import { createHash } from 'node:crypto';

/**
 * Numbers that look random and are the same for the same `seed` and `purpose`, in every version of Node. The generator is sfc32 of
 * Chris Doty-Humphrey's PractRand.
 */
export function randomOf(seed, purpose) {
  const digest = createHash('sha256').update(`${seed}/${purpose}`).digest();
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => digest.readInt32LE(at));
  const bits = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  const next = () => bits() / 2 ** 32;
  const whole = (from, to) => from + Math.floor(next() * (to - from + 1));
  const pick = (list) => list[whole(0, list.length - 1)];
  return {
    /** Uniform in [0, 1). */
    next,
    /** A whole number, both ends included. */
    whole,
    pick,
    chance: (share) => next() < share,
    shuffled(list) {
      const mixed = [...list];
      for (let last = mixed.length - 1; last > 0; last -= 1) {
        const other = whole(0, last);
        [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
      }
      return mixed;
    },
    bytes(length) {
      const bytes = Buffer.alloc(length);
      for (let at = 0; at < length; at += 4) {
        const word = bits();
        for (let part = 0; part < 4 && at + part < length; part += 1) bytes[at + part] = word >>> (8 * part);
      }
      return bytes;
    },
  };
}
