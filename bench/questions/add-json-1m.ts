/** Asks: what do a million JSON lines of about 260 bytes cost, each with its own dependency group and priority? */
import { jsonLine } from '../harness/files.ts';
import { timeReadSplitHash } from '../harness/references.ts';
import type { Row } from '../harness/table.ts';
import { seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, sizeName, withManager } from './question.ts';

const TARGET_MS = 6_000;

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const path = context.files.write('json', count, jsonLine);
  const reference = await timeReadSplitHash(path);
  const measured = await withManager(context, NO_RUNNERS, (manager) => addAll(manager, path, count));
  return [
    {
      figure: `add ${sizeName(count)} JSON lines of ${jsonLine(123_456).length} bytes`,
      target: `≤ ${seconds(TARGET_MS)}`,
      measured: seconds(measured),
      reference: `${seconds(reference)} read+split+MD5`,
      ratio: (measured / reference).toFixed(2),
      met: measured <= TARGET_MS,
    },
  ];
}

export const addJson1m: Question = {
  name: 'add-json-1m',
  asks: 'How fast is a bulk add of JSON lines?',
  ask,
};
