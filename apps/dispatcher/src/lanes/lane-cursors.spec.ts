import { type Id, firstIdAt } from '@app/domain';
import type { Claimed, LaneWish } from '@app/storage';
import { HOT_ROWS, LaneCursors, MARGIN_MS } from './lane-cursors.js';

const LANE = 7;
const START = Date.UTC(2026, 0, 1);
const wish: LaneWish = { consumerId: LANE, limit: 10, leaseMs: 30_000 };

/** A row that became ready so many ms after the start. */
const row = (ms: number, rank = 9): Claimed => ({
  consumerId: LANE,
  rank,
  seq: firstIdAt(START + ms),
  messageId: '1',
  attempt: 1,
  attemptsBefore: 0,
  token: '1',
});
const at = (ms: number): Id => firstIdAt(START + ms);

/** Cursors of a process that took enough rows of the lane to be at `ms`. */
function busyAt(ms: number): LaneCursors {
  const cursors = new LaneCursors();
  cursors.took(
    [wish],
    Array.from({ length: HOT_ROWS }, () => row(ms)),
    0,
  );
  return cursors;
}

it('begins at the head until a lane has given enough', () => {
  const cursors = new LaneCursors();
  cursors.took(
    [wish],
    Array.from({ length: HOT_ROWS - 1 }, () => row(10_000)),
    0,
  );
  expect(cursors.boundsOf(LANE)).toEqual([]);
  cursors.took([wish], [row(10_000)], 0);
  expect(cursors.boundsOf(LANE)).toEqual([{ rank: 9, seq: at(10_000 - MARGIN_MS) }]);
});

it('has a bound for each rank that gave something, and never moves one back', () => {
  const cursors = busyAt(10_000);
  cursors.took([wish], [row(12_000, 4), row(9_000)], 0);
  expect(cursors.boundsOf(LANE)).toEqual([
    { rank: 9, seq: at(10_000 - MARGIN_MS) },
    { rank: 4, seq: at(12_000 - MARGIN_MS) },
  ]);
});

it('goes back to the head when something lies behind, until it has come past its bounds', () => {
  const cursors = busyAt(10_000);
  cursors.lookBehind(LANE, false);
  expect([cursors.boundsOf(LANE), cursors.bound(0)]).toEqual([[], []]);
  const full = Array.from({ length: wish.limit }, () => row(1_000));
  cursors.took([wish], full, 0);
  expect(cursors.boundsOf(LANE)).toEqual([]);
  cursors.took([wish], [...full.slice(1), row(10_500)], 0);
  expect(cursors.boundsOf(LANE)).toEqual([{ rank: 9, seq: at(10_500 - MARGIN_MS) }]);
});

it('goes on from its bounds when the head gave less than was asked for', () => {
  const cursors = busyAt(10_000);
  cursors.lookBehind(LANE, false);
  cursors.took([wish], [row(1_000)], 0);
  expect(cursors.boundsOf(LANE)).toHaveLength(1);
  cursors.lookBehind(LANE, false);
  cursors.took([wish], [], 0);
  expect(cursors.boundsOf(LANE)).toHaveLength(1);
});

it('begins earlier once rows came later than expected, but not without limit', () => {
  const cursors = busyAt(100_000);
  const back = (late: boolean): void => {
    cursors.lookBehind(LANE, late);
    cursors.took([wish], [], 0);
  };
  back(true);
  expect(cursors.boundsOf(LANE)[0]?.seq).toBe(at(100_000 - 2 * MARGIN_MS));
  back(false);
  expect(cursors.boundsOf(LANE)[0]?.seq).toBe(at(100_000 - 2 * MARGIN_MS));
  for (let again = 0; again < 20; again++) back(true);
  expect(cursors.boundsOf(LANE)[0]?.seq).toBe(at(100_000 - 64_000));
});

it('forgets a lane that has been still for a minute', () => {
  const cursors = busyAt(10_000);
  expect(cursors.bound(60_000).map(({ consumerId }) => consumerId)).toEqual([LANE]);
  expect(cursors.bound(60_001)).toEqual([]);
  expect(cursors.boundsOf(LANE)).toEqual([]);
});

it('knows nothing of lanes that it was not told about', () => {
  const cursors = new LaneCursors();
  cursors.lookBehind(LANE, true);
  expect(cursors.boundsOf(LANE)).toEqual([]);
});
