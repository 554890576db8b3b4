/** Every run of `results`, of whatever scenario. */
export function runsOf({ cases, neighbours, comparisons }) {
  if (cases) return cases.flatMap(({ runs }) => runs);
  if (comparisons) return comparisons.flatMap(({ bare, posthorn }) => [...bare.runs, ...posthorn.runs]);
  return [...neighbours.without.runs, ...neighbours.with.runs];
}

/** Whether everything that was acknowledged was delivered and settled, in all runs together. */
export function verdict(runs) {
  const total = (name) => runs.reduce((sum, run) => sum + (run[name] ?? 0), 0);
  const parts = [
    `${total('acknowledged')} messages acknowledged`,
    `${total('missing')} deliveries missing`,
    `${total('left')} rows left in the hot tables`,
    `${total('duplicates')} duplicates`,
    `${total('errors')} errors`,
  ];
  return { failed: total('missing') > 0 || total('left') > 0 || total('acknowledged') === 0, text: `${parts.join(', ')}.` };
}
