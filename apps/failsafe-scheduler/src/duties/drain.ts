/** Steps of one run, so that a run ends and leadership is renewed in between. */
const MAX_STEPS = 100;

/** Repeats a step until it has nothing more to do, or the time is over. */
export async function drain(step: () => Promise<number>, withinMs = Infinity): Promise<number> {
  const until = performance.now() + withinMs;
  let total = 0;
  for (let steps = 0; steps < MAX_STEPS && performance.now() < until; steps++) {
    const count = await step();
    if (count === 0) break;
    total += count;
  }
  return total;
}
