import { JOIN_MS, Membership, type Peer, SILENT_MS, VALID_MS } from './membership.js';

const peer = (number: number, startedMs: number, silentMs = 0): Peer => ({ number, token: `t${number}`, startedMs, silentMs });

describe('a process among others', () => {
  it('shares with nobody before it has seen itself', () => {
    const membership = new Membership();
    expect(membership.at(0)).toEqual([]);
    membership.see([peer(1, 10_000)], 't9', 0);
    expect(membership.at(0)).toEqual([]);
  });

  it('has everything at once when it is alone', () => {
    const membership = new Membership();
    membership.see([peer(1, 0)], 't1', 100);
    expect(membership.at(100)).toEqual([1]);
    expect(membership.me).toBe(1);
  });

  it('holds still when it joins others, until they have seen it or hold still themselves', () => {
    const membership = new Membership();
    const others = [peer(0, 60_000), peer(1, 40)];
    membership.see(others, 't1', 0);
    expect(membership.at(0)).toEqual([]);
    membership.see(others, 't1', JOIN_MS - 50);
    expect(membership.at(JOIN_MS - 50)).toEqual([]);
    expect(membership.at(JOIN_MS)).toEqual([0, 1]);
    expect(JOIN_MS).toBeGreaterThan(VALID_MS);
  });

  it('counts those that join at once, and goes on itself', () => {
    const membership = new Membership();
    membership.see([peer(0, 0)], 't0', 0);
    membership.see([peer(0, 1_000), peer(1, 10)], 't0', 1_000);
    expect(membership.at(1_000)).toEqual([0, 1]);
    expect(membership.since).toBe(1_000);
  });

  it('does not wait as the eldest of several that start together; the younger ones do', () => {
    const together = [peer(4, 300), peer(2, 200)];
    const [eldest, younger] = [new Membership(), new Membership()];
    eldest.see(together, 't4', 0);
    younger.see(together, 't2', 0);
    expect([eldest.at(0), younger.at(0)]).toEqual([[2, 4], []]);
  });

  it('holds still when it has not read for long, and goes on when it reads again', () => {
    const membership = new Membership();
    const both = [peer(0, 60_000), peer(1, 50_000)];
    membership.see(both, 't0', 0);
    expect(membership.at(VALID_MS - 1)).toEqual([0, 1]);
    expect(membership.at(VALID_MS)).toEqual([]);
    membership.see(both, 't0', VALID_MS + 100);
    expect(membership.at(VALID_MS + 100)).toEqual([0, 1]);
  });

  it('holds still before the others may take it for dead', () => {
    const membership = new Membership();
    membership.see([peer(0, 60_000, SILENT_MS - 100), peer(1, 50_000)], 't0', 0);
    expect(membership.at(99)).toEqual([0, 1]);
    expect(membership.at(100)).toEqual([]);
  });

  it('joins anew when it was frozen for so long that the others may have left it out', () => {
    const membership = new Membership();
    const both = [peer(0, 60_000), peer(1, 50_000)];
    membership.see(both, 't0', 0);
    const thawed = SILENT_MS + 1;
    membership.see(both, 't0', thawed);
    expect(membership.at(thawed)).toEqual([]);
    membership.see(both, 't0', thawed + 2_000);
    membership.see(both, 't0', thawed + JOIN_MS);
    expect(membership.at(thawed + JOIN_MS)).toEqual([0, 1]);
    expect(membership.since).toBe(thawed + JOIN_MS);
  });

  it('joins anew with another number, though it be the eldest', () => {
    const membership = new Membership();
    membership.see([peer(0, 60_000)], 't0', 0);
    membership.see([peer(3, 10), peer(4, 5)], 't3', 1_000);
    expect(membership.at(1_000)).toEqual([]);
  });

  it('has nothing when its number was given to somebody else', () => {
    const membership = new Membership();
    membership.see([peer(0, 60_000)], 't0', 0);
    membership.see([{ ...peer(0, 10), token: 'other' }], 't0', 1_000);
    expect(membership.at(1_000)).toEqual([]);
  });
});
