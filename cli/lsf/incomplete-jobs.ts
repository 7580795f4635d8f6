/** Jobs that have an LSF job id and are not complete. */
import { INCOMPLETE_STATES, type JobState } from '../../core/states.ts';
import type { StatusJob } from '../../core/status-job.ts';
import type { Client } from '../client.ts';
import { isOf, type JobId } from './job-ids.ts';

/** @param wanted - none: all of them */
export async function incompleteJobs(
  client: Client,
  wanted: readonly JobId[],
  states: readonly JobState[] = INCOMPLETE_STATES,
): Promise<readonly StatusJob[]> {
  const found: StatusJob[] = [];
  const ids = [...new Set(wanted.map(({ id }) => id))];
  const isWanted = (job: StatusJob): boolean => wanted.length === 0 || wanted.some((id) => isOf(id, job));
  await client.jobs({ select: { by: 'bsub', ids }, states }, async ({ jobs }) => {
    found.push(...jobs.filter(isWanted));
  });
  return found;
}
