/** Ending a command with all that came of it (runner.md §3.6, reliability.md H21). */
import { setTimeout } from 'node:timers/promises';
import { type Forebear, kinByMark } from './kinship.ts';
import { type ProcessRow, ProcessTable, signalProcess, type Tree } from './process-table.ts';

const TERM_GRACE_MS = 500;
const ROUND_MS = 20;
const ROUNDS_MAX = 10;

/**
 * SIGKILL to the command, SIGTERM to its descendants, and after half a second SIGKILL to whatever is left, again until
 * nothing is. Descendants are looked for anew in each round: the first signals make some start others.
 * @param rootPid - the command itself
 * @param tree - its processes as far as known; changed in place
 * @param isKin - of a process without a parent: whether it came of the command all the same
 * @returns how many outlived it all
 */
export async function killTree(
  rootPid: number,
  tree: Tree,
  isKin?: (orphan: ProcessRow) => boolean,
): Promise<number> {
  ProcessTable.read().refresh(tree, isKin);
  const rootStart = tree.get(rootPid);
  const descendants = [...tree].filter(([pid]) => pid !== rootPid);
  if (rootStart !== undefined) signalProcess(rootPid, rootStart, 'SIGKILL');
  for (const [pid, startTicks] of descendants) signalProcess(pid, startTicks, 'SIGTERM');
  // Alone or not, it is looked at again: it may have started another process in this very moment.
  await setTimeout(descendants.length === 0 ? ROUND_MS : TERM_GRACE_MS);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    ProcessTable.read().refresh(tree, isKin);
    if (tree.size === 0) return 0;
    for (const [pid, startTicks] of tree) signalProcess(pid, startTicks, 'SIGKILL');
    await setTimeout(ROUND_MS);
  }
  ProcessTable.read().refresh(tree, isKin);
  return tree.size;
}

/** The same for a command whose launcher is gone: what is left of it is told by its mark. */
export async function killOrphans({
  pid,
  tree,
  ...forebear
}: Forebear & { pid: number; tree: Tree }): Promise<void> {
  // No process has this session; 0 is that of those that came into a container from outside.
  await killTree(pid, tree, kinByMark(forebear, -1));
}
