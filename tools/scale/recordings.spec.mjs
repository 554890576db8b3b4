import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decode, readRecordings } from './recordings.mjs';

const bytes = (...numbers) => Buffer.from(Float64Array.from(numbers).buffer);

it('reads what was recorded, but not a record that is half written', () => {
  const whole = bytes(0, 100, 0.002, 2, 150, 0.01);
  expect([...decode(Buffer.concat([whole, bytes(1, 160)]))]).toEqual([
    { name: 'posthorn_claim_seconds', at: 100, ms: 2 },
    { name: 'posthorn_commit_seconds', at: 150, ms: 10 },
  ]);
});

it('takes the times of some processes within a while', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'posthorn-recordings-'));
  try {
    writeFileSync(path.join(folder, '11.f64'), bytes(0, 100, 0.002, 0, 200, 0.003, 0, 300, 0.004));
    writeFileSync(path.join(folder, '12.f64'), bytes(0, 200, 0.9));
    const times = readRecordings(folder, [11, 13], { from: 200, until: 300 });
    expect(times).toEqual({ posthorn_claim_seconds: [3], posthorn_settle_seconds: [], posthorn_commit_seconds: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
