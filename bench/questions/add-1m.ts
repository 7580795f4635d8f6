/** Asks: how long from the start of `wr add -f` of a million plain lines to its answer, and how near is that to reading and hashing them? */
import { plainLine } from '../harness/files.ts';
import { timeReadSplitHash } from '../harness/references.ts';
import type { Row } from '../harness/table.ts';
import { median, seconds } from '../harness/table.ts';
import type { Context, Question } from './question.ts';
import { addAll, NO_RUNNERS, scaled, sizeName, withManager } from './question.ts';

const TARGET_MS = 1_000;
const RATIO_TARGET = 1.7;

async function ask(context: Context): Promise<Row[]> {
  const count = scaled(context, 1e6);
  const path = context.files.write('plain', count, plainLine);
  const adds: number[] = [];
  const references: number[] = [];
  for (let round = 0; round < context.rounds; round += 1) {
    references.push(await timeReadSplitHash(path));
    adds.push(await withManager(context, NO_RUNNERS, (manager) => addAll(manager, path, count)));
  }
  const measured = median(adds);
  const reference = median(references);
  const ratio = measured / reference;
  return [
    {
      figure: `add ${sizeName(count)} plain lines, CLI start to durable answer`,
      target: `≤ ${seconds(TARGET_MS)}, ≤ ${RATIO_TARGET} × reference`,
      measured: seconds(measured),
      reference: `${seconds(reference)} read+split+MD5`,
      ratio: ratio.toFixed(2),
      met: measured <= TARGET_MS && ratio <= RATIO_TARGET,
    },
  ];
}

export const add1m: Question = { name: 'add-1m', asks: 'How fast is a bulk add of plain lines?', ask };
