const bars = '▁▂▃▄▅▆▇█';
const panel = { width: 300, height: 90, margin: 10, columns: 4 };
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Numbers as a row of bars of `width` characters, each the mean of its part of the row; from 0 to the largest. */
export function sparkline(values, width = 40) {
  const known = values.map((value) => (Number.isFinite(value) ? value : undefined));
  const count = Math.min(width, known.length);
  const parts = Array.from({ length: count }, (_, n) =>
    known
      .slice(Math.floor((n * known.length) / count), Math.floor(((n + 1) * known.length) / count))
      .filter((value) => value !== undefined),
  );
  const means = parts.map((part) => (part.length === 0 ? undefined : part.reduce((sum, value) => sum + value, 0) / part.length));
  const top = Math.max(...means.map((mean) => mean ?? 0)) || 1;
  return means
    .map((mean) => (mean === undefined ? ' ' : bars[Math.min(bars.length - 1, Math.max(0, Math.floor((mean / top) * bars.length)))]))
    .join('');
}

/** Series (`{name, points: [[seconds, value], …], verdict}`) as a sheet of small charts, each from 0 to its largest value. */
export function svg(series, title) {
  const rows = Math.ceil(series.length / panel.columns);
  const [width, height] = [panel.columns * panel.width, 40 + rows * panel.height];
  const panels = series.map((one, n) =>
    drawPanel(one, (n % panel.columns) * panel.width, 40 + Math.floor(n / panel.columns) * panel.height),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="${panel.margin}" y="22" font-size="13">${escape(title)}</text>
${panels.join('\n')}
</svg>`;
}

function drawPanel({ name, points, verdict }, left, top) {
  const known = points.filter(([, value]) => Number.isFinite(value));
  const most = Math.max(...known.map(([, value]) => value), 0) || 1;
  const last = Math.max(...points.map(([at]) => at), 1);
  const [x, y, width, height] = [left + panel.margin, top + 18, panel.width - 2 * panel.margin, panel.height - 28];
  const line = known
    .map(([at, value]) => `${(x + (at / last) * width).toFixed(1)},${(y + height - (value / most) * height).toFixed(1)}`)
    .join(' ');
  return `<text x="${x}" y="${top + 12}">${escape(name)}</text>
<text x="${x + width}" y="${top + 12}" text-anchor="end" fill="${verdict === 'grows' ? 'crimson' : 'gray'}">${escape(`${most.toPrecision(3)} ${verdict}`)}</text>
<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="none" stroke="lightgray"/>
<polyline points="${line}" fill="none" stroke="${verdict === 'grows' ? 'crimson' : 'steelblue'}" stroke-width="1.2"/>`;
}
