/** Complete jobs in the order in which a listing of their report group shows them: by start, then by end (cli.md §3). */
import { recordTimes } from '../core/job-record.ts';
import type { JobTable } from '../core/job-table.ts';
import { STATE } from '../core/states.ts';
import { readDoneBytes } from '../store/history-tables.ts';
import type { JobReader } from './job-reader.ts';
import { candidates, type ListingScope } from './listing.ts';

/** @returns numbers; those that were complete when they were looked at */
export function endedOrder(scope: ListingScope, reader: JobReader, table: JobTable): Uint32Array {
  const complete = { ...scope, mask: 1 << STATE.complete };
  const numbers: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { number } of candidates(complete, reader, table, { phase: 1, number: 0 })) {
    const bytes = readDoneBytes(reader.store, number);
    if (bytes === undefined) continue; // It was run again since.
    const { startedMs, endedMs } = recordTimes(bytes);
    numbers.push(number);
    starts.push(startedMs || endedMs); // A start that nobody saw is no start in 1970.
    ends.push(endedMs);
  }
  const compare = (a: number, b: number): number =>
    (starts[a] as number) - (starts[b] as number) || (ends[a] as number) - (ends[b] as number) || a - b;
  const order = Uint32Array.from(numbers, (_, i) => i);
  // Commands mostly start as they were added: then there is nothing to sort.
  if (order.some((at, i) => i > 0 && compare(i - 1, at) > 0)) order.sort(compare);
  return order.map((at) => numbers[at] as number);
}
