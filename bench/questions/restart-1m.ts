/** Asks: killed with a million queued, how soon does a manager started again answer for all of them? */
import { setTimeout as sleep } from 'node:timers/promises';
import { plainLine } from '../harness/files.ts';
import type { BenchManager } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';
import { median, seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, settle, sizeName, withManager } from './question.ts';

const TARGET_MS = 700;
const POLL_MS = 5;
const PATIENCE_MS = 60_000;

/** Asks until the answer counts everything. */
export async function untilCounted(manager: BenchManager, count: number, startedMs: number): Promise<number> {
  while (performance.now() - startedMs < PATIENCE_MS) {
    try {
      const probe = await manager.probe();
      try {
        if ((await probe.counts()).ready === count) return performance.now() - startedMs;
      } finally {
        probe.close();
      }
    } catch {
      // Not listening yet, or recovering.
    }
    await sleep(POLL_MS);
  }
  throw new Error(`the manager did not answer for ${count} commands within ${PATIENCE_MS} ms`);
}

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const path = context.files.write('plain', count, plainLine);
  return withManager(context, NO_RUNNERS, async (manager) => {
    await addAll(manager, path, count);
    await settle(context);
    const times: number[] = [];
    const returns: number[] = [];
    for (let round = 0; round < context.rounds; round += 1) {
      await manager.kill();
      const startedMs = performance.now();
      const launched = manager.launch();
      times.push(await untilCounted(manager, count, startedMs));
      returns.push((await launched).wallMs);
    }
    const measured = median(times);
    return [
      {
        figure: `kill -9 with ${sizeName(count)} queued, start to answering for all`,
        target: `≤ ${seconds(TARGET_MS)}`,
        measured: seconds(measured),
        reference: `${seconds(median(returns))} wr manager start returns`,
        ratio: '',
        met: measured <= TARGET_MS,
      },
    ];
  });
}

export const restart1m: Question = { name: 'restart-1m', asks: 'How soon is a killed manager back?', ask };
