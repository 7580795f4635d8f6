/** The processes of this machine as /proc tells them: who descends from whom, what they use (jobs.md §16, runner.md §3.6). */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  readonly session: number;
  /** Clock ticks since boot: with the pid it names a process for ever. */
  readonly startTicks: number;
  /** Clock ticks of processor time, its own and that of children it has waited for. */
  readonly cpuTicks: number;
}

/** Linux shows processor time in hundredths of a second, whatever it counts in. */
const MS_PER_TICK = 10;

/** Which processes belong to a command; those that moved to another group, session or parent stay in it once seen. */
export type Tree = Map<number, number>;

/** @returns `null` when there is no such process, or it is dead and only waits to be collected */
export function readProcess(pid: number): ProcessRow | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // The name may hold anything, also parentheses and blanks.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  const cpuTicks = Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
  return {
    pid,
    ppid: Number(fields[1]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
    cpuTicks,
  };
}

/** One look at every process. */
export class ProcessTable {
  readonly #rows = new Map<number, ProcessRow>();
  readonly #children = new Map<number, number[]>();

  constructor(rows: Iterable<ProcessRow>) {
    for (const row of rows) {
      this.#rows.set(row.pid, row);
      const siblings = this.#children.get(row.ppid);
      if (siblings === undefined) this.#children.set(row.ppid, [row.pid]);
      else siblings.push(row.pid);
    }
  }

  static read(): ProcessTable {
    const rows: ProcessRow[] = [];
    for (const name of readdirSync('/proc')) {
      const first = name.charCodeAt(0);
      if (first < 48 || first > 57) continue;
      const row = readProcess(Number(name));
      if (row !== null) rows.push(row);
    }
    return new ProcessTable(rows);
  }

  row(pid: number): ProcessRow | undefined {
    return this.#rows.get(pid);
  }

  childrenOf(pid: number): readonly number[] {
    return this.#children.get(pid) ?? [];
  }

  /** Adopted by init, or by whoever else takes in what lost its parent: one of another session. */
  #isOrphan({ ppid, session }: ProcessRow): boolean {
    return ppid === 1 || this.#rows.get(ppid)?.session !== session;
  }

  /** ms of processor time that the processes of a tree have used so far. */
  cpuMsOf(tree: Tree): number {
    let ticks = 0;
    for (const pid of tree.keys()) ticks += this.#rows.get(pid)?.cpuTicks ?? 0;
    return ticks * MS_PER_TICK;
  }

  /**
   * Brings a tree up to date: what has died (or has another start time) goes, what descends from a member comes, and what
   * has lost its parent and is kin.
   * @param tree - changed in place; at first only the command itself
   */
  refresh(tree: Tree, isKin?: (orphan: ProcessRow) => boolean): void {
    for (const [pid, startTicks] of tree) {
      if (this.#rows.get(pid)?.startTicks !== startTicks) tree.delete(pid);
    }
    if (isKin !== undefined) {
      for (const row of this.#rows.values()) {
        if (!tree.has(row.pid) && this.#isOrphan(row) && isKin(row)) tree.set(row.pid, row.startTicks);
      }
    }
    const open = [...tree.keys()];
    for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
      for (const child of this.childrenOf(pid)) {
        const row = this.#rows.get(child);
        if (row === undefined || tree.has(child)) continue;
        tree.set(child, row.startTicks);
        open.push(child);
      }
    }
  }
}

/** Sends a signal to a process if it still is the one that was meant (reliability.md H21). @returns whether it was sent */
export function signalProcess(pid: number, startTicks: number, signal: NodeJS.Signals): boolean {
  if (pid <= 1 || readProcess(pid)?.startTicks !== startTicks) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** MB: the memory a tree uses, shared pages counted in shares, and the most any one of its processes ever had resident. */
export function memoryOf(tree: Tree): { readonly pssMb: number; readonly peakRssMb: number } {
  let pssKb = 0;
  for (const pid of tree.keys()) pssKb += readKb(`/proc/${pid}/smaps_rollup`, 'Pss:');
  return { pssMb: Math.ceil(pssKb / 1024), peakRssMb: peakRssMb(tree.keys()) };
}

/** MB: the most any of these processes ever had resident. */
export function peakRssMb(pids: Iterable<number>): number {
  let peakKb = 0;
  for (const pid of pids) peakKb = Math.max(peakKb, readKb(`/proc/${pid}/status`, 'VmHWM:'));
  return Math.ceil(peakKb / 1024);
}

function readKb(path: string, label: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return 0; // It has just ended, or is not ours to look at.
  }
  const at = text.indexOf(label);
  return at < 0 ? 0 : Number.parseInt(text.slice(at + label.length), 10);
}
