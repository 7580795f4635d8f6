/** Jobs that completed lately, over all report groups, in the order in which they ended up on disk. */
import { readCompletions } from '../store/history-tables.ts';
import type { JobReader } from './job-reader.ts';

/**
 * @param sinceMs - written as complete from then on; who ended from then on is among them
 * @param end - one past the highest job number
 */
export function recentNumbers(sinceMs: number, end: number, reader: JobReader): Uint32Array {
  // A job that was run again stands there twice.
  const seen = new Uint8Array((end >>> 3) + 1);
  let numbers = new Uint32Array(1024);
  let count = 0;
  for (const batch of readCompletions(reader.store, sinceMs)) {
    for (const number of batch) {
      const bit = 1 << (number & 7);
      if (((seen[number >>> 3] ?? 0) & bit) !== 0) continue;
      seen[number >>> 3] = (seen[number >>> 3] ?? 0) | bit;
      if (count === numbers.length) {
        const grown = new Uint32Array(count * 2);
        grown.set(numbers);
        numbers = grown;
      }
      numbers[count] = number;
      count += 1;
    }
  }
  return numbers.slice(0, count);
}
