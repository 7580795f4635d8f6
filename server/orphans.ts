/**
 * Ends commands of this machine whose runner is no more, when someone asked for their end: nobody else would.
 *
 * By process id and start, so that no process is hit that was given the same id later; and by the attempt's mark, which all
 * that came of it has in its environment, daemons too. The command's first process goes at once; what it started is asked to
 * end, and made to half a second later (jobs.md §17). One look at the processes of the machine serves all that are being ended.
 */
import { attemptMark } from '../core/attempt-mark.ts';
import type { Attempt } from '../core/attempts.ts';
import { type Clock, Slices } from './clock.ts';
import { birthOf } from './host.ts';
import { lookAtProcesses, type SeenProcess } from './marked.ts';

const GRACE_MS = 500;
/** Between two looks at what is left. */
const LOOK_MS = 100;
/** What outlives this cannot be ended by us. */
const PATIENCE_MS = 10_000;
/** Between two tries at what could not be; what nobody asked for meanwhile is forgotten. */
const AGAIN_MS = 60_000;

export type Orphan = Pick<Attempt, 'token' | 'runnerId' | 'pid' | 'birth'>;

interface Ending {
  readonly orphan: Orphan;
  readonly beganMs: number;
  /** When its end was last asked for. */
  askedMs: number;
  /** When it was first signalled; `null`: it was not looked at yet. */
  signalledMs: number | null;
  /** What was there at the last look, and when each began. */
  readonly processes: Map<number, number>;
  /** Nothing was left at the last look. */
  isOver: boolean;
}

export class Orphans {
  readonly #clock: Clock;
  /** By attempt. */
  readonly #endings = new Map<number, Ending>();
  #looking = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Called again and again until nothing is left.
   * @param orphan - known to be of this machine, without a runner
   * @param nowMs - monotonic
   * @returns whether something of it is there, or may be, that may yet end
   */
  end(orphan: Orphan, nowMs: number): boolean {
    const known = this.#endings.get(orphan.token);
    const ending =
      known === undefined || nowMs - known.beganMs >= AGAIN_MS ? this.#begin(orphan, nowMs) : known;
    ending.askedMs = nowMs;
    if (ending.isOver || nowMs - ending.beganMs >= PATIENCE_MS) return false;
    if (!this.#looking && nowMs - this.#lookedMs >= LOOK_MS) void this.#look();
    return true;
  }

  #begin(orphan: Orphan, nowMs: number): Ending {
    const ending = {
      orphan,
      beganMs: nowMs,
      askedMs: nowMs,
      signalledMs: null,
      processes: new Map(),
      isOver: false,
    };
    this.#endings.set(orphan.token, ending);
    return ending;
  }

  async #look(): Promise<void> {
    this.#looking = true;
    try {
      const sinceMs = this.#clock.monotonicMs();
      const seen = new Processes(await lookAtProcesses());
      const slices = new Slices(this.#clock);
      for (const [token, ending] of this.#endings) {
        // One that was begun meanwhile may have been missed: it waits for the next look.
        if (ending.beganMs <= sinceMs && !ending.isOver) this.#go(ending, seen);
        if (sinceMs - ending.askedMs > AGAIN_MS) this.#endings.delete(token);
        await slices.pause();
      }
    } finally {
      this.#looking = false;
      this.#lookedMs = this.#clock.monotonicMs();
    }
  }

  #go(ending: Ending, seen: Processes): void {
    const { orphan, processes } = ending;
    refresh(processes, orphan, seen);
    ending.isOver = processes.size === 0;
    const nowMs = this.#clock.monotonicMs();
    if (ending.signalledMs === null) {
      ending.signalledMs = nowMs;
      for (const [pid, birth] of processes) signal(pid, birth, pid === orphan.pid ? 'SIGKILL' : 'SIGTERM');
    } else if (nowMs - ending.signalledMs >= GRACE_MS)
      for (const [pid, birth] of processes) signal(pid, birth, 'SIGKILL');
  }
}

/** The processes of the machine, as they were seen: by mark, and by parent. */
class Processes {
  readonly births = new Map<number, number>();
  readonly marked = new Map<string, number[]>();
  readonly children = new Map<number, number[]>();

  constructor(seen: readonly SeenProcess[]) {
    for (const { pid, parent, birth, mark } of seen) {
      this.births.set(pid, birth);
      push(this.children, parent, pid);
      if (mark !== undefined) push(this.marked, mark, pid);
    }
  }
}

/** Forgets what has ended, and finds what is marked, what the command itself is, and what descends from any of these. */
function refresh(
  processes: Map<number, number>,
  { token, runnerId, pid, birth }: Orphan,
  seen: Processes,
): void {
  for (const [known, since] of processes) if (birthOf(known) !== since) processes.delete(known);
  // Without its start it is told by its mark alone.
  if (pid > 1 && birth !== 0 && birthOf(pid) === birth) processes.set(pid, birth);
  for (const one of seen.marked.get(attemptMark(token, runnerId)) ?? []) add(processes, one, seen);
  const left = [...processes.keys()];
  for (let one = left.pop(); one !== undefined; one = left.pop())
    for (const child of seen.children.get(one) ?? []) if (add(processes, child, seen)) left.push(child);
}

function push<Key>(lists: Map<Key, number[]>, key: Key, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** @returns whether it is new, and still the one that was seen */
function add(processes: Map<number, number>, pid: number, { births }: Processes): boolean {
  const birth = births.get(pid);
  if (birth === undefined || processes.has(pid) || birthOf(pid) !== birth) return false;
  processes.set(pid, birth);
  return true;
}

function signal(pid: number, birth: number, name: NodeJS.Signals): void {
  if (birthOf(pid) !== birth) return;
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended, or is not ours to end: it shows as still there.
  }
}
