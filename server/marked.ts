/** The processes of this machine, and which came of given attempts: by the mark that each of these has in its environment. */
import { readdir, readFile } from 'node:fs/promises';
import { MARK_NAME } from '../core/attempt-mark.ts';
import type { Born } from '../core/host-look.ts';
import { birthOf } from './host.ts';

/** By mark, the eldest first; marks of which nothing is there are missing. */
export type FindMarked = (marks: ReadonlySet<string>) => Promise<ReadonlyMap<string, readonly Born[]>>;

/** Processes looked at together: reading an environment may have to wait for its owner. */
const TOGETHER = 32;
const CARRIED = new RegExp(`(?:^|\0)${MARK_NAME}=([^\0]*)\0`);

export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  /** When it began, as `birthOf` has it. */
  readonly birth: number;
  /** Of the attempt it came of, if any. */
  readonly mark: string | undefined;
}

/** Finds nothing where the system does not show environments (all but Linux). */
export const findMarked: FindMarked = async (marks) => {
  const found = new Map<string, Born[]>();
  const pids = await processIds();
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

/** All there are, but the first; none where the system does not show them (all but Linux). */
export async function lookAtProcesses(): Promise<readonly SeenProcess[]> {
  const seen: SeenProcess[] = [];
  const pids = (await processIds()).filter((pid) => pid > 1);
  for (let at = 0; at < pids.length; at += TOGETHER) {
    const some = pids.slice(at, at + TOGETHER).map(async (pid) => {
      const { parent, birth } = await statOf(pid);
      // Only then: should the id be another's by now, the birth tells.
      return { pid, parent, birth, mark: await markOf(pid) };
    });
    seen.push(...(await Promise.all(some)).filter(({ birth }) => birth !== 0));
  }
  return seen;
}

async function processIds(): Promise<readonly number[]> {
  if (process.platform !== 'linux') return [];
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** A birth of 0: it is gone. */
async function statOf(pid: number): Promise<{ readonly parent: number; readonly birth: number }> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // Behind the name, which may hold anything: the parent as the 2nd, the start as the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), birth: Number(fields[19]) };
  } catch {
    return { parent: 0, birth: 0 };
  }
}

/** `undefined`: none, or it is gone, or another user's. */
async function markOf(pid: number): Promise<string | undefined> {
  try {
    return CARRIED.exec(await readFile(`/proc/${pid}/environ`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}
