import { kinds, schedule } from './schedule.mjs';

const asked = {
  seed: 1,
  durationMs: 300_000,
  counts: { 'ingest-api': 2, dispatcher: 2, 'failsafe-scheduler': 2 },
  sites: ['solo-1', 'team-1', 'crowd'],
  leaseMs: 7500,
  databaseKills: true,
};

it('is the same for the same seed, and another for another', () => {
  expect(schedule(asked)).toEqual(schedule({ ...asked }));
  expect(schedule({ ...asked, seed: 2 })).not.toEqual(schedule(asked));
});

it('is known for a seed, so that a run that was written down can be repeated', () => {
  expect(schedule(asked).slice(0, 3)).toMatchInlineSnapshot(`
   [
     {
       "atMs": 1304,
       "forMs": 9051,
       "kind": "freeze",
       "target": "dispatcher-2",
     },
     {
       "atMs": 1809,
       "forMs": 964,
       "kind": "kill",
       "target": "failsafe-scheduler-1",
     },
     {
       "atMs": 3085,
       "forMs": 8411,
       "kind": "freeze",
       "target": "ingest-api-1",
     },
   ]
  `);
});

it('has every kind of fault within a minute, in the order of time', () => {
  const faults = schedule({ ...asked, durationMs: 60_000 });
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(kinds));
  expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
  expect(faults.at(-1).atMs).toBeLessThan(60_000);
});

it('leaves the database alone when it is not ours', () => {
  expect(schedule({ ...asked, databaseKills: false }).filter(({ target }) => target === 'database')).toEqual([]);
  expect(schedule(asked).filter(({ target }) => target === 'database').length).toBeGreaterThan(0);
});

it('does one thing at a time to a target, and only to targets that there are', () => {
  const names = new Set(['ingest-api', 'dispatcher', 'failsafe-scheduler'].flatMap((app) => [`${app}-1`, `${app}-2`]));
  for (const name of [...asked.sites, 'database']) names.add(name);
  const until = new Map();
  for (const { atMs, target, forMs } of schedule(asked)) {
    expect(names).toContain(target);
    expect(atMs).toBeGreaterThanOrEqual(until.get(target) ?? 0);
    until.set(target, atMs + forMs);
  }
});

it('freezes most processes for longer than a lease', () => {
  const freezes = schedule({ ...asked, durationMs: 3_600_000 }).filter(({ kind }) => kind === 'freeze');
  const long = freezes.filter(({ forMs }) => forMs > asked.leaseMs).length;
  expect(long / freezes.length).toBeGreaterThan(0.6);
  expect(long).toBeLessThan(freezes.length);
});
