/**
 * What commands use and print while they run: known to the manager's main thread alone, from their runners' touches, and so
 * sent beside the pages of a listing, which workers make from what is on disk (since-0.36.md §1.4, §4.2).
 */
import type { Attempts } from './attempts.ts';
import { shownText } from './shown-bytes.ts';
import type { StatusJob } from './status-job.ts';

export interface LiveJob {
  readonly key: string;
  readonly peakRamMb: number;
  readonly peakDiskMb: number;
  readonly cpuMs: number;
  /** The latest end of either output. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

/**
 * @param numbers - of jobs that were held by a runner when they were listed
 * @param output - their output too, which for many would be much
 */
export function liveJobs(
  numbers: readonly number[],
  attempts: Attempts,
  keyHex: (number: number) => string,
  output: boolean,
): LiveJob[] {
  const live: LiveJob[] = [];
  for (const number of numbers) {
    const attempt = attempts.byNumber(number);
    if (attempt === undefined || attempt.startedMs === 0) continue;
    const { peakRamMb, peakDiskMb, cpuMs } = attempt;
    const [stdout, stderr] = output ? [attempt.stdout, attempt.stderr] : [NO_BYTES, NO_BYTES];
    live.push({ key: keyHex(number), peakRamMb, peakDiskMb, cpuMs, stdout, stderr });
  }
  return live;
}

/** The jobs of a page with what is known of those that run. */
export function withLive(jobs: readonly StatusJob[], live: readonly LiveJob[]): readonly StatusJob[] {
  if (live.length === 0) return jobs;
  const byKey = new Map(live.map((each) => [each.key, each]));
  return jobs.map((job) => {
    const found = job.State === 'running' || job.State === 'lost' ? byKey.get(job.Key) : undefined;
    if (found === undefined) return job;
    return {
      ...job,
      PeakRAM: found.peakRamMb,
      PeakDisk: found.peakDiskMb,
      CPUtime: found.cpuMs / 1000,
      StdOut: shownText(found.stdout),
      StdErr: shownText(found.stderr),
    };
  });
}
