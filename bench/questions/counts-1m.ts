/** Asks: how long does `wr status -o counts` take with a million queued, process start to end? */
import { plainLine } from '../harness/files.ts';
import { runProcess } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';
import { median, seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, sizeName, withManager } from './question.ts';

const TARGET_MS = 150;
const TIMES = 9;

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const path = context.files.write('plain', count, plainLine);
  return withManager(context, NO_RUNNERS, async (manager) => {
    await addAll(manager, path, count);
    const times: number[] = [];
    const starts: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      starts.push((await runProcess(process.execPath, ['-e', '0'])).wallMs);
      const { wallMs, stdout } = await manager.wr(['status', '-o', 'counts']);
      if (!stdout.includes(`ready: ${count}\n`)) throw new Error(`unexpected counts: ${stdout}`);
      times.push(wallMs);
    }
    const measured = median(times);
    const reference = median(starts);
    return [
      {
        figure: `status -o counts with ${sizeName(count)} queued`,
        target: `≤ ${seconds(TARGET_MS)}`,
        measured: seconds(measured),
        reference: `${seconds(reference)} node -e 0`,
        ratio: (measured / reference).toFixed(2),
        met: measured <= TARGET_MS,
      },
    ];
  });
}

export const counts1m: Question = {
  name: 'counts-1m',
  asks: 'How fast are counts over many queued commands?',
  ask,
};
