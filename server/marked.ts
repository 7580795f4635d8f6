/** Which processes of this machine came of given attempts: by the mark that each of them has in its environment. */
import { readdir, readFile } from 'node:fs/promises';
import { MARK_NAME } from '../core/attempt-mark.ts';
import type { Born } from '../core/host-look.ts';
import { birthOf } from './host.ts';

/** By mark, the eldest first; marks of which nothing is there are missing. */
export type FindMarked = (marks: ReadonlySet<string>) => Promise<ReadonlyMap<string, readonly Born[]>>;

/** Processes looked at together: reading an environment may have to wait for its owner. */
const TOGETHER = 32;
const CARRIED = new RegExp(`(?:^|\0)${MARK_NAME}=([^\0]*)\0`);

/** Finds nothing where the system does not show environments (all but Linux). */
export const findMarked: FindMarked = async (marks) => {
  const found = new Map<string, Born[]>();
  if (process.platform !== 'linux') return found;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (let at = 0; at < pids.length; at += TOGETHER) {
    const some = pids.slice(at, at + TOGETHER);
    for (const [i, mark] of (await Promise.all(some.map(markOf))).entries()) {
      const pid = some[i] ?? 0;
      const birth = mark === undefined || !marks.has(mark) ? null : birthOf(pid);
      if (mark !== undefined && birth !== null)
        found.set(
          mark,
          [...(found.get(mark) ?? []), { pid, birth }].sort((a, b) => a.birth - b.birth),
        );
    }
  }
  return found;
};

/** `undefined`: none, or it is gone, or another user's. */
async function markOf(pid: number): Promise<string | undefined> {
  try {
    return CARRIED.exec(await readFile(`/proc/${pid}/environ`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}
