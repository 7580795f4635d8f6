/** `--timeout` of a command that asks the manager: seconds for each answer (spec: cli.md §1.7). */
import { TIMEOUT_MS } from './client.ts';
import { UsageError } from './flags.ts';

/** The longest that timers of Node take; a longer one would be over at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * @param seconds - of the flag; `undefined`: it was not given
 * @returns ms, above 0
 * @throws {UsageError}
 */
export function timeoutMsOf(seconds: number | undefined, defaultMs = TIMEOUT_MS): number {
  if (seconds === undefined) return defaultMs;
  if (seconds < 1)
    throw new UsageError(`--timeout value (${seconds}) must be a whole number of seconds, 1 or more`);
  return Math.min(seconds * 1000, TIMER_MS_MAX);
}
