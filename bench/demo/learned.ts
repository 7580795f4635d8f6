/** What the manager now knows of commands that ran: their memory and time, told by requirement group. */
import type { StatusJob } from '../../core/status-job.ts';

type Measured = Pick<StatusJob, 'ReqGroup' | 'State' | 'PeakRAM' | 'Walltime' | 'CPUtime' | 'Cmd'>;

/** The value that a share of the others does not exceed. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function sentence(group: string, jobs: readonly Measured[], askedMb: number): string {
  const memory = jobs.map((job) => job.PeakRAM);
  const time = jobs.map((job) => job.Walltime);
  const longest = jobs.reduce((a, b) => (a.Walltime >= b.Walltime ? a : b));
  const cpu = jobs.reduce((sum, job) => sum + job.CPUtime, 0);
  return [
    `${group}: ${jobs.length} commands`,
    `  memory: 95 % used at most ${percentile(memory, 0.95)} MB, all at most ${Math.max(...memory)} MB (${askedMb} MB were asked for)`,
    `  time:   95 % took at most ${percentile(time, 0.95).toFixed(2)} s, the longest ${longest.Walltime.toFixed(2)} s; ${cpu.toFixed(1)} s of CPU in all`,
    `  longest: ${longest.Cmd.slice(0, 100)}`,
  ].join('\n');
}

/** @param jobs - the listing of `wr status -o json --limit 0` */
export function describeLearned(jobs: readonly Measured[], askedMb: number): string {
  const complete = jobs.filter((job) => job.State === 'complete');
  const groups = [...new Set(complete.map((job) => job.ReqGroup))].sort();
  return groups
    .map((group) =>
      sentence(
        group,
        complete.filter((job) => job.ReqGroup === group),
        askedMb,
      ),
    )
    .join('\n');
}
