/** `50 s`, `4 min` or `1.5 h`. */
export function roughly(seconds) {
  if (seconds < 100) return `${Math.max(5, Math.round(seconds / 5) * 5)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** How long a list of measurements still takes, from guesses of each. */
export class TimeLeft {
  #expected;
  #now;
  #current = 0;
  #since;

  /** `expected`: seconds for each; `now`: a clock in ms. */
  constructor(expected, now) {
    this.#expected = expected;
    this.#now = now;
    this.#since = now();
  }

  begin(index) {
    this.#current = index;
    this.#since = this.#now();
  }

  text() {
    const later = this.#expected.slice(this.#current + 1).reduce((sum, seconds) => sum + seconds, 0);
    const here = Math.max(0, this.#expected[this.#current] - (this.#now() - this.#since) / 1000);
    return `about ${roughly(here + later)} left`;
  }
}
