import { type KeyRing, mapSealed, SealError, sealedPlaces } from '@app/domain';
import type { Log, SchedulerMetrics } from '@app/runtime';
import { type Database, replaceSealed, type SealedRow, sealedRows } from '@app/storage';
import type { Duty } from './duty.js';

/** Rows of one run, so that leadership is renewed in between. */
const ROWS = 500;
/** Between the end of one look at all rows and the next. */
const PAUSE_MS = 300_000;

/** Seals with the first key of the ring what another key has sealed, so that the others can be taken out of the ring. */
export const resealSecrets = (database: Database, ring: KeyRing, metrics: SchedulerMetrics, log: Log): Duty => {
  let afterId = 0;
  let left = 0;
  let nextAt = -Infinity;
  return {
    name: 'reseal',
    everyMs: 5_000,
    doOnce: async () => {
      if (performance.now() < nextAt) return 0;
      const rows = await sealedRows(database, afterId, ROWS);
      let resealed = 0;
      for (const row of rows.filter((one) => isOld(one, ring))) {
        if (await reseal(database, ring, row, log)) resealed++;
        else left++;
      }
      afterId = rows.at(-1)?.id ?? 0;
      if (rows.length === ROWS) return resealed;
      metrics.oldSeals.set(left);
      [afterId, left, nextAt] = [0, 0, performance.now() + PAUSE_MS];
      return resealed;
    },
  };
};

function isOld(row: SealedRow, ring: KeyRing): boolean {
  let old = row.headers !== null;
  mapSealed(row, sealedPlaces(row), (sealed) => {
    old ||= !ring.isCurrent(sealed);
    return sealed;
  });
  return old;
}

/** False when it could not be opened, or has just changed: then it is looked at again. */
async function reseal(database: Database, ring: KeyRing, row: SealedRow, log: Log): Promise<boolean> {
  const places = sealedPlaces(row);
  try {
    const columns = mapSealed(row, places, (sealed, place) =>
      ring.isCurrent(sealed) ? sealed : ring.seal(ring.open(sealed, place), place),
    );
    const plain = Object.entries(row.headers ?? {}).map(([name, value]) => [name, ring.seal(value, places.header(name))]);
    const sealedHeaders = plain.length > 0 ? { ...Object.fromEntries(plain), ...columns.sealedHeaders } : columns.sealedHeaders;
    return await replaceSealed(database, row, { ...columns, sealedHeaders });
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    log.error({ err: error, channel: row.channel, consumer: row.consumer }, 'consumer.not-resealed');
    return false;
  }
}
