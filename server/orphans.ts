/**
 * Ends commands of this machine whose runner is no more, when someone asked for their end: nobody else would.
 *
 * By process id and start, so that no process is hit that was given the same id later. The command's shell goes at once; what it
 * started is asked to end, and made to half a second later (jobs.md §17).
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Attempt } from '../core/attempts.ts';
import { birthOf } from './host.ts';

const GRACE_MS = 500;
/** Between two tries at the same command. */
const AGAIN_MS = 5_000;

export class Orphans {
  /** When each was last tried, by attempt; monotonic ms. */
  readonly #tried = new Map<number, number>();

  /** @param attempt - known to be of this machine, without a runner */
  end({ token, pid, birth }: Attempt, nowMs: number): void {
    const lastMs = this.#tried.get(token);
    if (lastMs !== undefined && nowMs - lastMs < AGAIN_MS) return;
    for (const [known, atMs] of this.#tried) if (nowMs - atMs >= AGAIN_MS) this.#tried.delete(known);
    this.#tried.set(token, nowMs);
    // Without its start nobody can tell whether it still is that process.
    if (pid <= 1 || birth === 0 || birthOf(pid) !== birth) return;
    const started = descendants(pid);
    signal(pid, birth, 'SIGKILL');
    for (const [child, since] of started) signal(child, since, 'SIGTERM');
    if (started.size === 0) return;
    setTimeout(() => {
      for (const [child, since] of started) signal(child, since, 'SIGKILL');
    }, GRACE_MS).unref();
  }
}

/** All that a process started and what that started, with the time each began. */
function descendants(root: number): Map<number, number> {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const parent = /^\d+$/.test(entry) ? parentOf(Number(entry)) : 0;
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = new Map<number, number>();
  const left = [...(children.get(root) ?? [])];
  for (let pid = left.pop(); pid !== undefined; pid = left.pop()) {
    const birth = birthOf(pid);
    if (birth === null || found.has(pid)) continue;
    found.set(pid, birth);
    left.push(...(children.get(pid) ?? []));
  }
  return found;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

function signal(pid: number, birth: number, name: NodeJS.Signals): void {
  if (birth === 0 || birthOf(pid) !== birth) return;
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended, or is not ours to end: it shows as still there.
  }
}
