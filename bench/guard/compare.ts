/** Times two builds in turn, so that whatever else the machine does falls on both, and compares them round by round. */
import { CommandFiles } from '../harness/files.ts';
import { median } from '../harness/table.ts';
import type { GuardTask } from './tasks.ts';
import { GUARD_TASKS } from './tasks.ts';

const ROUNDS = 5;
/** A task that seems slower is timed this many rounds more before it is believed: the machine may have been busy. */
const DOUBT_ROUNDS = 6;

export interface Comparison {
  readonly ownBinary: string;
  readonly baseBinary: string;
  readonly baseName: string;
  /** 0.15: 15 % slower is a clear loss. */
  readonly lossMax: number;
}

/** Own over base, one a round; the order within a round alternates. */
async function ratios(
  task: GuardTask,
  files: CommandFiles,
  { ownBinary, baseBinary }: Comparison,
  rounds: number,
): Promise<number[]> {
  const found: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const ownFirst = round % 2 === 0;
    const first = await task.time(ownFirst ? ownBinary : baseBinary, files);
    const second = await task.time(ownFirst ? baseBinary : ownBinary, files);
    found.push(ownFirst ? first / second : second / first);
  }
  return found;
}

/** Prints a line a task. @returns whether one is a clear loss */
export async function compare(comparison: Comparison): Promise<boolean> {
  const files = new CommandFiles();
  let lost = false;
  try {
    for (const task of GUARD_TASKS) {
      const found = await ratios(task, files, comparison, ROUNDS);
      if (median(found) > 1 + comparison.lossMax)
        found.push(...(await ratios(task, files, comparison, DOUBT_ROUNDS)));
      const ratio = median(found);
      const loss = ratio > 1 + comparison.lossMax;
      lost ||= loss;
      const spread = `${Math.min(...found).toFixed(2)}–${Math.max(...found).toFixed(2)}`;
      const verdict = loss ? `LOSS, more than ${comparison.lossMax * 100} %` : 'ok';
      console.log(
        `${task.name}: ${ratio.toFixed(2)} × ${comparison.baseName} (${spread} in ${found.length} rounds) ${verdict}`,
      );
    }
  } finally {
    files.remove();
  }
  return lost;
}
