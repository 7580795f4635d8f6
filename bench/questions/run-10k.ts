/** Asks: do ten thousand trivial commands run as fast as `xargs -P2` runs them, with every result on disk? */
import { setTimeout as sleep } from 'node:timers/promises';
import { type LineMaker, shellLine, trivialLine } from '../harness/files.ts';
import type { BenchManager } from '../harness/manager.ts';
import { timeXargs } from '../harness/references.ts';
import type { Row } from '../harness/table.ts';
import { median, seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, lasting, scaled, sizeName, withManager } from './question.ts';

const CORES = 2;
/** Each question costs both sides of it something. */
const POLL_MS = 40;
/** Until the runners of the round before have idled out, so that every round starts its own. */
const IDLE_OUT_MS = 4_000;

/** From the start of `wr add` until all are complete, as the manager counts, which it does once a result is on disk. */
export async function timeRun(
  manager: BenchManager,
  path: string,
  count: number,
  repGroup: string,
): Promise<number> {
  const probe = await manager.probe();
  try {
    const startedMs = performance.now();
    await addAll(manager, path, count, repGroup);
    for (;;) {
      const counts = await probe.counts(repGroup);
      if (counts.complete === count) return performance.now() - startedMs;
      if (counts.buried > 0) throw new Error(`${counts.buried} trivial commands were buried`);
      await sleep(POLL_MS);
    }
  } finally {
    probe.close();
  }
}

async function ask(context: Context): Promise<Row[]> {
  return withManager(context, { flags: ['--max_cores', String(CORES)] }, async (manager) => [
    await compare(context, manager, 'trivial', trivialLine, 'trivial commands'),
    await compare(context, manager, 'shell', shellLine, 'trivial commands that need their shell'),
  ]);
}

/** Rounds of `xargs` and of `wr` in turn, on the same lists. */
async function compare(
  context: Context,
  manager: BenchManager,
  name: string,
  line: LineMaker,
  what: string,
): Promise<Row> {
  const count = scaled(context, 10_000);
  const times: number[] = [];
  const references: number[] = [];
  for (let round = 0; round < context.rounds; round += 1) {
    const path = context.files.write(`${name}${round}`, count, (index) => line(round * count + index));
    references.push(await timeXargs(path));
    times.push(await timeRun(manager, path, count, `${name}${round}`));
    await sleep(lasting(context, IDLE_OUT_MS));
  }
  const measured = median(times);
  const reference = median(references);
  return {
    figure: `${sizeName(count)} ${what} on ${CORES} cores, results durable`,
    target: '≤ reference',
    measured: seconds(measured),
    reference: `${seconds(reference)} xargs -P2`,
    ratio: (measured / reference).toFixed(2),
    met: measured <= reference,
  };
}

export const run10k: Question = {
  name: 'run-10k',
  asks: 'What does running cost beside the commands themselves?',
  ask,
};
