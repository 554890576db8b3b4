import { nowMs } from './clock.mjs';

/** What a load generator notes: of every message that was acknowledged its number, its path, when it was due and when the answer came. */
export class Journal {
  #first;
  #next;
  #numbers = [];
  #paths = [];
  #times = [];
  #late = [];
  #errors = {};

  /** `first` is the number of the first message. */
  constructor(first = 0) {
    this.#first = first;
    this.#next = first;
  }

  get begun() {
    return this.#next - this.#first;
  }

  get acknowledged() {
    return this.#numbers.length;
  }

  /** The next message's number. */
  begin() {
    this.#next += 1;
    return this.#next - 1;
  }

  /** A message was sent so much later than it was due. */
  late(ms) {
    this.#late.push(ms);
  }

  /** An answer came: `due` is when the message was to be sent, by the shared clock. */
  answered({ number, path, due }, status) {
    if (status < 200 || status > 299) {
      this.failed(`status ${status}`);
      return;
    }
    this.#numbers.push(number);
    this.#paths.push(path);
    this.#times.push(due, nowMs());
  }

  failed(reason, count = 1) {
    if (count > 0) this.#errors[reason] = (this.#errors[reason] ?? 0) + count;
  }

  /** `times` has two entries for each number: when it was due and when it was acknowledged. */
  results() {
    return {
      numbers: Uint32Array.from(this.#numbers),
      paths: Uint16Array.from(this.#paths),
      times: Float64Array.from(this.#times),
      late: Float64Array.from(this.#late),
      errors: this.#errors,
    };
  }
}
