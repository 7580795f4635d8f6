/** How many ready jobs are served before one: those of a higher priority, and of the same those added earlier. */
import { FIRST_JOB_NUMBER, type JobTable, rowOf } from '../core/job-table.ts';
import { STATE } from '../core/states.ts';

export interface AheadQuestion {
  readonly number: number;
  /** By cohort: 1 when its jobs are served with this one. */
  readonly cohorts: Uint8Array;
}

/** A look at a few columns of every row: some 10 ms for 10 M jobs, so not on the main thread. */
export function jobsAhead({ number, cohorts }: AheadQuestion, table: JobTable): number {
  const own = table.chunkOf(number)?.priority[rowOf(number)] ?? 0;
  let ahead = 0;
  for (let other = FIRST_JOB_NUMBER; other < table.end; other += 1) {
    const chunk = table.chunkOf(other);
    if (chunk === undefined) {
      other |= CHUNK_END; // Nothing of this chunk is in the queue.
      continue;
    }
    const row = rowOf(other);
    if (chunk.state[row] !== STATE.ready || cohorts[chunk.cohort[row] as number] !== 1) continue;
    const priority = chunk.priority[row] as number;
    if (priority > own || (priority === own && other < number)) ahead += 1;
  }
  return ahead;
}

const CHUNK_END = 0xffff;
