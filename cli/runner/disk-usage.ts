/** Disk a command uses in the directories it was given (jobs.md §16). */
import { lstat, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const MB = 1_048_576;
/** Files looked at in one measurement: a tree of millions must not keep the runner from its other duties. */
const ENTRIES_MAX = 200_000;

/**
 * Whole MB of each file, summed; other file systems mounted below are not entered, links not followed.
 * @returns MB; of what could be read, which for a directory that is just going away may be nothing
 */
export async function diskUsedMb(directories: readonly string[]): Promise<number> {
  const budget = { entries: ENTRIES_MAX };
  let totalMb = 0;
  for (const directory of directories) {
    const top = await lstat(directory).catch(() => null);
    if (top?.isDirectory()) totalMb += await usedBelow(directory, top.dev, budget);
  }
  return totalMb;
}

async function usedBelow(directory: string, dev: number, budget: { entries: number }): Promise<number> {
  let totalMb = 0;
  try {
    for await (const entry of await opendir(directory)) {
      budget.entries -= 1;
      if (budget.entries < 0) break;
      const path = join(directory, entry.name);
      if (!entry.isFile() && !entry.isDirectory()) continue;
      const found = await lstat(path).catch(() => null);
      if (found === null || found.dev !== dev) continue;
      totalMb += found.isDirectory() ? await usedBelow(path, dev, budget) : Math.floor(found.size / MB);
    }
  } catch {
    return totalMb; // Removed while we looked, or not readable.
  }
  return totalMb;
}

/** Bytes an ordinary user may still write on the volume of a directory; `null`: unknown. */
export async function freeBytes(directory: string): Promise<number | null> {
  const found = await statfs(directory).catch(() => null);
  return found === null ? null : found.bavail * found.bsize;
}
