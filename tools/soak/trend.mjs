/** The straight line with the least squares through `[x, y]` points: its slope, and its height at their middle. Undefined for fewer than two. */
export function fit(points) {
  if (points.length < 2) return undefined;
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [middle, height] = [mean(([x]) => x), mean(([, y]) => y)];
  const spread = points.reduce((sum, [x]) => sum + (x - middle) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - middle) * (y - height), 0) / spread;
  return Number.isFinite(slope) ? { slope, height } : undefined;
}

/** Fewer points say nothing about a trend. */
export const leastPoints = 6;

/**
 * Whether a series is flat: by how much the line through the second half of it rises from that half's beginning to its end, and whether that is no more
 * than the larger of `share` of its height and `least`. What falls is flat. `points` are `[seconds, value]` over a run of `runSeconds`.
 */
export function judge(points, { share, least }, runSeconds) {
  const half = points.filter(([at, value]) => at >= runSeconds / 2 && Number.isFinite(value));
  const line = half.length < leastPoints ? undefined : fit(half);
  if (!line) return { verdict: 'too short' };
  const growth = line.slope * (half.at(-1)[0] - half[0][0]);
  const allowed = Math.max(share * Math.abs(line.height), least);
  return { verdict: growth <= allowed ? 'flat' : 'grows', growth, allowed };
}
