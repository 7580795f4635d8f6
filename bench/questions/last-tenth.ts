/** Asks: is the manager as fast at the end of a run of a million commands as it was at the start? */
import { runFleet } from '../fleet/fleet.ts';
import { plainLine } from '../harness/files.ts';
import type { Row } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, sizeName, withManager } from './question.ts';

const TARGET = 0.95;
const PATIENCE_MS = 300_000;

/** Cycles a second between two shares of all cycles. */
export function speedBetween(slices: readonly number[], fromShare: number, toShare: number): number {
  const total = slices.reduce((sum, count) => sum + count, 0);
  const timeAt = (share: number): number => {
    const wanted = total * share;
    let seen = 0;
    for (const [index, count] of slices.entries()) {
      if (seen + count >= wanted) return (index + (count === 0 ? 0 : (wanted - seen) / count)) * 0.1;
      seen += count;
    }
    return slices.length * 0.1;
  };
  return (total * (toShare - fromShare)) / (timeAt(toShare) - timeAt(fromShare));
}

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const runners = Math.min(1_000, count);
  const path = context.files.write('plain', count, plainLine);
  return withManager(context, NO_RUNNERS, async (manager) => {
    await addAll(manager, path, count);
    const run = await runFleet({
      target: manager,
      runners,
      drivers: 1,
      mode: 'cycle',
      durationMs: PATIENCE_MS,
      emptyMax: 0,
    });
    if (run.cycles !== count) throw new Error(`${run.cycles} of ${count} commands were run`);
    // The last few cycles wait for the slowest runner, the first ones for the code to be compiled.
    const first = speedBetween(run.slices, 0.005, 0.1);
    const last = speedBetween(run.slices, 0.9, 0.995);
    return [
      {
        figure: `last tenth against first tenth of a ${sizeName(count)}-command run`,
        target: `≥ ${TARGET * 100} %`,
        measured: `${((last / first) * 100).toFixed(0)} %`,
        reference: `${Math.round(first).toLocaleString('en')}/s at first, ${Math.round(last).toLocaleString('en')}/s at last`,
        ratio: (last / first).toFixed(2),
        met: last / first >= TARGET,
      },
    ];
  });
}

export const lastTenth: Question = { name: 'last-tenth', asks: 'Does the manager tire?', ask };
