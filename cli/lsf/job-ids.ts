/** Job ids of LSF on a command line: `12`, or of a job array also `12[3]` and `12[1-5,9]`. */
import { holdsIndex, type IndexRanges, parseArray } from '../../core/array-indexes.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { UsageError } from '../flags.ts';

export interface JobId {
  /** As it was typed. */
  readonly text: string;
  readonly id: number;
  /** Elements of a job array; `null`: all there is. */
  readonly indexes: IndexRanges | null;
}

const ID_MAX = 2 ** 32 - 1;

/** @throws {UsageError} naming what is no job id */
export function jobIds(words: readonly string[]): readonly JobId[] {
  return [...new Set(words)].map(jobId);
}

function jobId(text: string): JobId {
  const [, digits = '0', elements] = /^(\d+)(?:\[([^\]]*)\])?$/.exec(text) ?? [];
  const id = Number(digits);
  if (id < 1 || id > ID_MAX)
    throw new UsageError(
      `"${text}" is no job id: one is a whole number, as bsub prints it, or an element of a job array, like 12[3]`,
    );
  return { text, id, indexes: elements === undefined ? null : parseArray(elements, text) };
}

export function isOf({ id, indexes }: JobId, { wr, ArrayIndex }: StatusJob): boolean {
  if (wr?.bsubId !== id) return false;
  return indexes === null || (ArrayIndex !== null && holdsIndex(indexes, ArrayIndex));
}
