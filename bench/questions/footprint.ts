/** Asks: what does a queued plain command cost in memory and on disk, above an empty manager? */
import { plainLine } from '../harness/files.ts';
import type { Row } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, settle, sizeName, withManager } from './question.ts';

const MEMORY_TARGET_BYTES = 150;
const DISK_TARGET_BYTES = 40;

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const path = context.files.write('plain', count, plainLine);
  return withManager(context, NO_RUNNERS, async (manager) => {
    const empty = manager.memory();
    const emptyDisk = manager.databaseBytes();
    await addAll(manager, path, count);
    await settle(context);
    const memory = manager.memory();
    const perCommand = (memory.anonymousBytes - empty.anonymousBytes) / count;
    const resident = (memory.rssBytes - empty.rssBytes) / count;
    const disk = (manager.databaseBytes() - emptyDisk) / count;
    return [
      {
        figure: `memory per queued plain command at ${sizeName(count)}, above empty`,
        target: `≤ ${MEMORY_TARGET_BYTES} B`,
        measured: `${perCommand.toFixed(0)} B`,
        reference: `${resident.toFixed(0)} B with mapped files`,
        ratio: '',
        met: perCommand <= MEMORY_TARGET_BYTES,
      },
      {
        figure: `disk per queued plain command at ${sizeName(count)}`,
        target: `≤ ${DISK_TARGET_BYTES} B`,
        measured: `${disk.toFixed(0)} B`,
        reference: `${(plainLine(123_456).length + 1).toFixed(0)} B a line of text`,
        ratio: '',
        met: disk <= DISK_TARGET_BYTES,
      },
    ];
  });
}

export const footprint: Question = { name: 'footprint', asks: 'What does a queued command weigh?', ask };
