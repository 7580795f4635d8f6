/**
 * Ends commands of this machine whose runner is no more, when someone asked for their end: nobody else would.
 *
 * By process id and start, so that no process is hit that was given the same id later; and by the attempt's mark, which all
 * that came of it has in its environment, daemons too. The command's first process goes at once; what it started is asked to
 * end, and made to half a second later (jobs.md §17).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { attemptMark, markEntry } from '../core/attempt-mark.ts';
import type { Attempt } from '../core/attempts.ts';
import { birthOf } from './host.ts';

const GRACE_MS = 500;
/** Between two looks at what is left. */
const LOOK_MS = 100;
/** What outlives this cannot be ended by us. */
const PATIENCE_MS = 10_000;
/** Between two tries at what could not be. */
const AGAIN_MS = 60_000;

/** Processes and when they began. */
type Births = Map<number, number>;

interface Ending {
  readonly beganMs: number;
  lookedMs: number;
  /** What was there at the last look. */
  readonly processes: Births;
}

export type Orphan = Pick<Attempt, 'token' | 'runnerId' | 'pid' | 'birth'>;

export class Orphans {
  /** By attempt. */
  readonly #endings = new Map<number, Ending>();

  /**
   * Called again and again until nothing is left.
   * @param orphan - known to be of this machine, without a runner
   * @param nowMs - monotonic
   * @returns whether something of it is there that may yet end
   */
  end(orphan: Orphan, nowMs: number): boolean {
    const ending = this.#endings.get(orphan.token);
    if (ending === undefined || nowMs - ending.beganMs >= AGAIN_MS) return this.#begin(orphan, nowMs);
    const ageMs = nowMs - ending.beganMs;
    if (ageMs >= PATIENCE_MS) return false;
    if (nowMs - ending.lookedMs < LOOK_MS) return true;
    ending.lookedMs = nowMs;
    refresh(ending.processes, orphan);
    if (ageMs >= GRACE_MS) for (const [pid, birth] of ending.processes) signal(pid, birth, 'SIGKILL');
    if (ending.processes.size > 0) return true;
    this.#endings.delete(orphan.token);
    return false;
  }

  #begin(orphan: Orphan, nowMs: number): boolean {
    const processes: Births = new Map();
    refresh(processes, orphan);
    for (const [pid, birth] of processes) signal(pid, birth, pid === orphan.pid ? 'SIGKILL' : 'SIGTERM');
    if (processes.size > 0) this.#endings.set(orphan.token, { beganMs: nowMs, lookedMs: nowMs, processes });
    else this.#endings.delete(orphan.token);
    return processes.size > 0;
  }
}

/** Forgets what has ended, and finds what is marked, what the command itself is, and what descends from any of these. */
function refresh(processes: Births, { token, runnerId, pid, birth }: Orphan): void {
  const mark = markEntry(attemptMark(token, runnerId));
  for (const [known, since] of processes) if (birthOf(known) !== since) processes.delete(known);
  // Without its start it is told by its mark alone.
  if (pid > 1 && birth !== 0 && birthOf(pid) === birth) processes.set(pid, birth);
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const one = /^\d+$/.test(entry) ? Number(entry) : 0;
    if (one <= 1) continue;
    const parent = parentOf(one);
    children.set(parent, [...(children.get(parent) ?? []), one]);
    if (hasMark(one, mark)) add(processes, one);
  }
  const left = [...processes.keys()];
  for (let one = left.pop(); one !== undefined; one = left.pop())
    for (const child of children.get(one) ?? []) if (add(processes, child)) left.push(child);
}

function add(processes: Births, pid: number): boolean {
  const birth = processes.has(pid) ? null : birthOf(pid);
  if (birth === null || birth === 0) return false;
  processes.set(pid, birth);
  return true;
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
  } catch {
    return false; // Gone, or another user's.
  }
}

function signal(pid: number, birth: number, name: NodeJS.Signals): void {
  if (birthOf(pid) !== birth) return;
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended, or is not ours to end: it shows as still there.
  }
}
