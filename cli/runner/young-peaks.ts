/**
 * The peak memory of commands that end within seconds: the system tells what an ended child had used at most to who
 * collects it, which is a shell that does not pass it on. So young commands are looked at often, at first every 10 ms, later
 * whenever they have become an eighth older: of one whose memory grows evenly at least seven eighths are seen. The mark
 * read stays at the most there ever was, so nothing before a look is missed.
 *
 * All looks together take a hundredth of a core at most. Commands of a run of short ones are not looked at.
 */
import { readFileSync } from 'node:fs';
import { type Execution, setRoot } from './execution.ts';
import { kinBySession } from './kinship.ts';
import { ProcessTable, peakRssMb } from './process-table.ts';
import { TimeShare } from './time-share.ts';

const FIRST_MS = 10;
/** From here on the looks of `watch.ts` are as frequent. */
const OLD_MS = 8_000;
const OLDER = 1 / 8;
const SHARE = 0.01;
const SAVED_MS_MAX = 30;
/** A look at a few processes, and being woken for it. */
const LOOK_MS = 0.2;
/** However many are young, looks are at least so far apart; and so, when there was no time for the last one. */
const PACE_MS = 10;
const SLOW_PACE_MS = 50;
const PROCESSES_MAX = 32;

interface Young {
  readonly execution: Execution;
  readonly launcherPid: number;
  nextMs: number;
  /** When all processes are looked at next, where the system does not tell a process's children. */
  nextTableMs: number;
}

export interface YoungPeaksClock {
  /** As `Execution.startedMs`. */
  now(): number;
  monotonicMs(): number;
}

export class YoungPeaks {
  readonly #clock: YoungPeaksClock;
  readonly #share: TimeShare;
  #young: Young[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** How long the last look at all processes took; a guess at first. */
  #tableMs = 5;
  #paceMs = PACE_MS;

  constructor(clock: YoungPeaksClock) {
    this.#clock = clock;
    this.#share = new TimeShare(SHARE, SAVED_MS_MAX, clock.monotonicMs());
  }

  /** Its process id is known now. */
  add(execution: Execution, launcherPid: number): void {
    const nowMs = this.#clock.now();
    if (nowMs - execution.startedMs >= OLD_MS) return;
    const nextMs = nowMs + FIRST_MS;
    this.#young.push({ execution, launcherPid, nextMs, nextTableMs: nextMs + FIRST_MS });
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#young = [];
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#young.length === 0) return;
    const nextMs = this.#young.reduce(
      (least, { nextMs }) => Math.min(least, nextMs),
      Number.POSITIVE_INFINITY,
    );
    const waitMs = Math.max(this.#paceMs, nextMs - this.#clock.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
      this.#arm();
    }, waitMs);
  }

  #look(): void {
    const nowMs = this.#clock.now();
    this.#young = this.#young.filter(
      ({ execution }) => !execution.finishing && nowMs - execution.startedMs < OLD_MS,
    );
    const due = this.#young.filter(({ nextMs }) => nextMs <= nowMs);
    for (const young of due)
      young.nextMs = nowMs + Math.max(FIRST_MS, (nowMs - young.execution.startedMs) * OLDER);
    const beganMs = this.#clock.monotonicMs();
    const isAllowed = this.#share.allows(LOOK_MS, beganMs);
    this.#paceMs = isAllowed ? PACE_MS : SLOW_PACE_MS;
    if (due.length === 0 || !isAllowed) return;
    this.#lookAtTable(due, nowMs);
    for (const { execution } of due) {
      const peakMb = peakRssMb(family(execution));
      execution.peakRamMb = Math.max(execution.peakRamMb, peakMb);
    }
    this.#share.spend(Math.max(LOOK_MS, this.#clock.monotonicMs() - beganMs));
  }

  /** Where children are not told, a look at all processes finds them; that takes milliseconds, so it comes more rarely. */
  #lookAtTable(due: readonly Young[], nowMs: number): void {
    const unsure = due.filter(
      ({ execution, nextTableMs }) => nextTableMs <= nowMs && childrenOf(execution.pid) === null,
    );
    const beganMs = this.#clock.monotonicMs();
    if (unsure.length === 0 || !this.#share.allows(this.#tableMs, beganMs)) return;
    const table = ProcessTable.read();
    for (const young of unsure) {
      const { execution, launcherPid } = young;
      young.nextTableMs = nowMs + (nowMs - execution.startedMs);
      const row = table.row(execution.pid);
      if (execution.tree.size === 0 && row?.ppid === launcherPid) setRoot(execution, row);
      table.refresh(execution.tree, kinBySession(execution, launcherPid));
    }
    this.#tableMs = this.#clock.monotonicMs() - beganMs;
  }
}

/** What is known to belong to a command, and what descends from it just now. */
function family({ pid, tree }: Execution): ReadonlySet<number> {
  const found = new Set([pid, ...tree.keys()]);
  for (const member of found) {
    if (found.size >= PROCESSES_MAX) break;
    for (const child of childrenOf(member) ?? []) found.add(child);
  }
  return found;
}

/** Children of a process's first thread; `null` where the system does not tell them, or there is no such process. */
function childrenOf(pid: number): readonly number[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return null;
  }
}
