/** How long a command that failed waits before it is tried again (spec: the ruling on back-off, jobs.md §7). */

const FIRST_MS = 30_000;
const LONGEST_MS = 3_600_000;
const JITTER_MS = 30_000;

/**
 * `min(30 s × 2ⁿ, 1 h)` and up to 30 s more, so that what failed together does not come back together.
 * @param attempt - n: 0 for the delay after the first attempt; it starts again at 0 after a user's retry
 * @param random - uniform in [0, 1)
 * @returns whole ms
 */
export function retryDelayMs(attempt: number, random: () => number): number {
  const backOff = Math.min(FIRST_MS * 2 ** Math.max(0, attempt), LONGEST_MS);
  return backOff + JITTER_MS - Math.floor(random() * JITTER_MS);
}
