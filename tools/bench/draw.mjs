/** A table as Markdown; the first column is text, the others are numbers. */
export function asMarkdown(header, rows) {
  const { widths, padded } = layOut(header, rows, 3);
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [first, ...others] = padded;
  return [first, rule, ...others].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The same for a terminal. */
export function asText(header, rows) {
  return layOut(header, rows, 0)
    .padded.map((cells) => cells.join('  ').trimEnd())
    .join('\n');
}

function layOut(header, rows, least) {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(least, ...lines.map((line) => line[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]));
  return { widths, padded: lines.map((line) => line.map(pad)) };
}
