import { sparkline, svg } from './chart.mjs';

it('draws numbers as bars from 0 to the largest', () => {
  expect(sparkline([0, 50, 100], 3)).toBe('▁▅█');
  expect(sparkline([1, 1, 3, 3], 2)).toBe('▃█');
  expect(sparkline([0, 0], 2)).toBe('▁▁');
  expect(sparkline([undefined, 4], 2)).toBe(' █');
});

it('draws a sheet of charts, with what grows in another colour', () => {
  const points = [
    [0, 1],
    [10, undefined],
    [20, 3],
  ];
  const sheet = svg(
    [
      { name: 'a < b', points, verdict: 'grows' },
      { name: 'c', points, verdict: 'flat' },
    ],
    'A & B',
  );
  expect(sheet).toContain('A &amp; B');
  expect(sheet).toContain('a &lt; b');
  expect(sheet.match(/<polyline points="[^"]*"/g)).toHaveLength(2);
  expect(sheet.match(/crimson/g)).toHaveLength(2);
  expect(sheet).not.toContain('NaN');
});
