import { type FormerSecret, formerSecrets, overlapUntil } from './secret-rotation.js';

const NOW = 1_000_000;

it('lets the replaced secret sign for a while', () => {
  expect(formerSecrets('a', [], 60, NOW)).toEqual([{ sealed: 'a', until: NOW + 60_000 }]);
});

it('lets those before it sign no longer than they were to, nor longer than the one replaced now', () => {
  const before: FormerSecret[] = [
    { sealed: 'b', until: NOW + 100_000 },
    { sealed: 'c', until: NOW + 10_000 },
    { sealed: 'd', until: NOW },
  ];
  expect(formerSecrets('a', before, 60, NOW)).toEqual([
    { sealed: 'a', until: NOW + 60_000 },
    { sealed: 'b', until: NOW + 60_000 },
    { sealed: 'c', until: NOW + 10_000 },
  ]);
});

it('ends all of them at once with no overlap', () => {
  expect(formerSecrets('a', [{ sealed: 'b', until: NOW + 100_000 }], 0, NOW)).toEqual([]);
});

it('refuses a fifth, saying how long to wait, unless none is to overlap', () => {
  const four = Array.from({ length: 4 }, (_, n) => ({ sealed: String(n), until: NOW + 1000 * (n + 1) }));
  expect(() => formerSecrets('a', four, 60, NOW)).toThrow(/until 1970-01-01T00:16:41/);
  expect(formerSecrets('a', four, 60, NOW + 1000)).toHaveLength(4);
  expect(formerSecrets('a', four, 0, NOW)).toEqual([]);
});

it('drops those whose time is over when nothing is replaced', () => {
  expect(
    formerSecrets(
      null,
      [
        { sealed: 'b', until: NOW + 1 },
        { sealed: 'c', until: NOW },
      ],
      Infinity,
      NOW,
    ),
  ).toEqual([{ sealed: 'b', until: NOW + 1 }]);
});

it('says until when a former secret signs', () => {
  expect(
    overlapUntil(
      [
        { sealed: 'b', until: NOW + 1 },
        { sealed: 'c', until: NOW + 2 },
      ],
      NOW,
    ),
  ).toEqual(new Date(NOW + 2));
  expect(overlapUntil([{ sealed: 'b', until: NOW }], NOW)).toBeNull();
  expect(overlapUntil([], NOW)).toBeNull();
});
