/** Job ids of LSF on a command line. */
import { UsageError } from '../flags.ts';

const ID_MAX = 2 ** 32 - 1;

/** @throws {UsageError} naming what is no job id */
export function jobIds(words: readonly string[]): readonly number[] {
  return [...new Set(words.map(jobId))];
}

function jobId(word: string): number {
  const id = /^\d+$/.test(word) ? Number(word) : 0;
  if (id < 1 || id > ID_MAX)
    throw new UsageError(`"${word}" is no job id: one is a whole number, as bsub prints it`);
  return id;
}
