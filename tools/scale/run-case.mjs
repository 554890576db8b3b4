import { say, step } from '../steps/progress.mjs';
import { measuringSeconds, turnsOf } from './cases.mjs';
import { historyListLength, holdSnapshot } from './server-state.mjs';
import { Side } from './side.mjs';

/** Measures one case in turns with the small one, which is `small` and goes on living; from an empty database to a dropped one. */
export async function runCase(one, { small, server, options, signal, onSide, recordings }) {
  const side = new Side(one, { signal, recordings, rate: options.rate });
  onSide(side);
  try {
    await side.start({ server, days: options.days });
    const { loads, memoryMiB, historyList } = await measure(one, { small, side });
    const missing = await step(`${one.name}: draining`, async () => (await side.missing()) + (await small.missing()));
    const complaints = [...side.complaints(), ...small.complaints()];
    for (const line of complaints.slice(0, 5)) say(`  ${line}`);
    return {
      ...one,
      figures: await side.figures(loads.case),
      small: await small.figures(loads.small),
      memoryMiB,
      historyList,
      missing,
      complaints: complaints.length,
    };
  } finally {
    await side.stop();
    onSide(undefined);
  }
}

async function measure(one, { small, side }) {
  const sides = { small, case: side };
  const loads = { small: [], case: [] };
  const memoryMiB = { before: side.memoryMiB };
  let historyList;
  await step(`${one.name}: measuring, ${Math.round(measuringSeconds(one))} s`, async (detail) => {
    for (const [n, turn] of turnsOf(one).entries()) {
      detail(`turn ${n + 1}: the ${turn.side === 'small' ? 'small case' : 'case'}`);
      const snapshot = one.snapshotSeconds > 0 && turn.side === 'case' ? await holdSnapshot(side.databaseUrl) : undefined;
      try {
        loads[turn.side].push(await sides[turn.side].turn(turn));
        if (turn.side === 'case') historyList = await historyListLength(side.databaseUrl);
      } finally {
        await snapshot?.release();
      }
    }
  });
  memoryMiB.after = side.memoryMiB;
  return { loads, memoryMiB, historyList };
}
