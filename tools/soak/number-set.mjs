/** Whole numbers from 0 up, a bit each: a day's messages are a few megabytes. */
export class NumberSet {
  #bits;
  size = 0;

  constructor(bits = new Uint8Array(1024)) {
    this.#bits = bits;
  }

  /** False when it was there already. */
  add(number) {
    const at = number >> 3;
    if (at >= this.#bits.length) this.#grow(at + 1);
    const bit = 1 << (number & 7);
    if (this.#bits[at] & bit) return false;
    this.#bits[at] |= bit;
    this.size += 1;
    return true;
  }

  has(number) {
    return ((this.#bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }

  /** As it is sent to another process. */
  get bits() {
    return this.#bits;
  }

  #grow(least) {
    const larger = new Uint8Array(Math.max(least, 2 * this.#bits.length));
    larger.set(this.#bits);
    this.#bits = larger;
  }
}
