/** What the end of an attempt means (spec: runner.md §3.7, jobs.md §8, since-0.36.md §2.3). */
import type { FailReason } from './fail-reasons.ts';

/** Everything the verdict depends on. */
export interface AttemptEnd {
  /** 0–255; −1: a signal ended the command. */
  readonly exitCode: number;
  /** False when nobody could learn how the command ended. */
  readonly known: boolean;
  /** Ended for its memory, by us or by the kernel, which leaves evidence of it. */
  readonly memoryKill: boolean;
  /** We ended it as its disk was full. */
  readonly diskFull: boolean;
  /** We ended it as the runner was told to stop. */
  readonly signalled: boolean;
  /** Of that: the time it had asked for was over. */
  readonly overTime: boolean;
  /** We ended it as a user, or the manager on its way out, asked for it. */
  readonly killed: boolean;
  readonly wallMs: number;
  /** 0: off. */
  readonly noRetryOverWalltimeMs: number;
  /** Attempts left after this one. */
  readonly attemptsLeft: number;
}

export interface Verdict {
  readonly outcome: 'complete' | 'release' | 'bury';
  readonly exitCode: number;
  readonly reason: FailReason;
}

/** The exit code reported when it could not be learned. */
export const EXIT_UNKNOWN = 255;
export const EXIT_SIGNALLED = -1;

/** Codes by which a shell says that the command can never run. */
const HOPELESS: Readonly<Record<number, FailReason>> = {
  126: 'command permission problem',
  127: 'command not found',
  128: 'command invalid exit code',
};

/** A shell whose child the kernel killed exits so itself. */
const EXIT_CHILD_KILLED = 137;

/** First match of the rows of runner.md §3.7. */
export function classify(end: AttemptEnd): Verdict {
  const { exitCode } = end;
  if (!end.known)
    return { outcome: 'release', exitCode: EXIT_UNKNOWN, reason: 'command failed to complete normally' };
  if (exitCode === 0) return { outcome: 'complete', exitCode, reason: '' };
  const hopeless = HOPELESS[exitCode];
  if (hopeless !== undefined) return { outcome: 'bury', exitCode, reason: hopeless };
  const reason = endedBy(end);
  if (reason !== null) return { outcome: 'release', exitCode, reason };
  if (end.killed) return { outcome: 'bury', exitCode, reason: 'killed by user request' };
  return { outcome: isTooLongToRetry(end) ? 'bury' : 'release', exitCode, reason: 'command exited non-zero' };
}

/** An exit code of its own decides even when we were about to end it: what we did came too late. */
function endedBy(end: AttemptEnd): FailReason | null {
  const bySignal = end.exitCode === EXIT_SIGNALLED;
  if (end.memoryKill && (bySignal || end.exitCode === EXIT_CHILD_KILLED)) return 'command used too much RAM';
  if (!bySignal) return null;
  if (end.diskFull) return 'ran out of disk space';
  if (end.signalled) return end.overTime ? 'command used too much time' : 'runner received a signal to stop';
  return null;
}

function isTooLongToRetry({ attemptsLeft, noRetryOverWalltimeMs, wallMs }: AttemptEnd): boolean {
  return attemptsLeft > 0 && noRetryOverWalltimeMs > 0 && wallMs > noRetryOverWalltimeMs;
}
