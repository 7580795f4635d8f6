/** The fixed texts that say why an attempt did not succeed (spec: jobs.md §8, since-0.36.md §2.3). */
export const FAIL_REASONS = [
  '',
  'command permission problem',
  'command not found',
  'command invalid exit code',
  'command used too much RAM',
  'ran out of disk space',
  'command used too much time',
  'runner received a signal to stop',
  'killed by user request',
  'command exited non-zero',
  'command failed to complete normally',
  'command failed to start',
  'failed to get environment variables',
  'working directory does not exist',
  'mounting of remote file system(s) failed',
  'failed to upload files to remote file system',
  'could not interact with docker',
  'lost contact with runner',
  'resource requirements cannot be met',
  'container failed to start',
  'command line too long',
  'not enough time to run',
  'command could not be read from the database',
] as const;

export type FailReason = (typeof FAIL_REASONS)[number];

/** The code kept in the job table's reason column. */
export function failReasonCode(reason: FailReason): number {
  return FAIL_REASONS.indexOf(reason);
}

export function failReasonName(code: number): FailReason {
  return FAIL_REASONS[code] ?? '';
}
