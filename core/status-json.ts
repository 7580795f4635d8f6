/** The text of a job in `status -o json`: the members of jobs.md §23 in their order, without what is for our own eyes. */
import type { StatusJob } from './status-job.ts';

export function statusJobJson(job: StatusJob): string {
  if (job.wr === undefined) return JSON.stringify(job);
  const { wr: _ours, ...shown } = job;
  return JSON.stringify(shown);
}
