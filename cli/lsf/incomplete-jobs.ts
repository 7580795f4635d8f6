/** Jobs that have an LSF job id and are not complete. */
import type { JobState } from '../../core/states.ts';
import type { StatusJob } from '../../core/status-job.ts';
import type { Client } from '../client.ts';

const INCOMPLETE: readonly JobState[] = [
  'ready',
  'dependent',
  'delayed',
  'suspended',
  'reserved',
  'running',
  'lost',
  'buried',
];

/** @param ids - none: all of them */
export async function incompleteJobs(client: Client, ids: readonly number[]): Promise<readonly StatusJob[]> {
  const found: StatusJob[] = [];
  await client.jobs({ select: { by: 'bsub', ids }, states: INCOMPLETE }, async ({ jobs }) => {
    found.push(...jobs);
  });
  return found;
}
