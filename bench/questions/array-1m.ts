/** Asks: what does an array of a million commands cost to add, beside a million plain lines; what on disk, and at a restart? */
import { plainLine } from '../harness/files.ts';
import type { BenchManager } from '../harness/manager.ts';
import type { Row } from '../harness/table.ts';
import { median, seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, settle, sizeName, withManager } from './question.ts';
import { untilCounted } from './restart-1m.ts';

const RESTART_TARGET_MS = 700;
const DISK_TARGET_BYTES = 40;

/** Shaped as the plain lines are. */
async function addArray(manager: BenchManager, count: number): Promise<number> {
  const cmd = plainLine(1).replace(/1\D*$/, (end) => end.replace('1', '{}'));
  const args = ['add', '--array', `1-${count}`, '-i', 'array', '--disable_relative_check', cmd];
  const { wallMs, stderr } = await manager.wr(args);
  if (!stderr.includes(`Added ${count} new commands (0 were duplicates)`))
    throw new Error(`unexpected answer: ${stderr}`);
  return wallMs;
}

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const path = context.files.write('plain', count, plainLine);
  const arrays: number[] = [];
  const plains: number[] = [];
  for (let round = 0; round < context.rounds; round += 1) {
    plains.push(await withManager(context, NO_RUNNERS, (manager) => addAll(manager, path, count)));
    arrays.push(await withManager(context, NO_RUNNERS, (manager) => addArray(manager, count)));
  }
  const [array, plain] = [median(arrays), median(plains)];
  const added: Row = {
    figure: `add an array of ${sizeName(count)}, CLI start to durable answer`,
    target: '≤ plain lines',
    measured: seconds(array),
    reference: `${seconds(plain)} plain lines`,
    ratio: (array / plain).toFixed(2),
    met: array <= plain,
  };
  return [added, ...(await kept(context, count))];
}

async function kept(context: Context, count: number): Promise<Row[]> {
  return withManager(context, NO_RUNNERS, async (manager) => {
    const empty = manager.databaseBytes();
    await addArray(manager, count);
    await settle(context);
    const disk = (manager.databaseBytes() - empty) / count;
    await manager.kill();
    const startedMs = performance.now();
    const launched = manager.launch();
    const restart = await untilCounted(manager, count, startedMs);
    await launched;
    return [
      {
        figure: `disk per command of an array of ${sizeName(count)}`,
        target: `≤ ${DISK_TARGET_BYTES} B`,
        measured: `${disk.toFixed(0)} B`,
        reference: '16 B its key',
        ratio: '',
        met: disk <= DISK_TARGET_BYTES,
      },
      {
        figure: `kill -9 with an array of ${sizeName(count)} queued, start to answering`,
        target: `≤ ${seconds(RESTART_TARGET_MS)}`,
        measured: seconds(restart),
        reference: '',
        ratio: '',
        met: restart <= RESTART_TARGET_MS,
      },
    ];
  });
}

export const array1m: Question = { name: 'array-1m', asks: 'What does an array cost?', ask };
