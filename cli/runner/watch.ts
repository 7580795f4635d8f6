/** What is looked at while commands run: processes, memory, disk, output (jobs.md §16, runner.md §3.6). */
import { diskUsedMb, freeBytes } from './disk-usage.ts';
import { type Execution, type KillReason, setRoot } from './execution.ts';
import { kinBySession } from './kinship.ts';
import { kernelMemoryKills } from './memory-kills.ts';
import { memoryOf, ProcessTable } from './process-table.ts';

export const SAMPLE_MS = 1_000;
/** A command is looked at for the first time when it is so old: most never get there. */
export const FIRST_SAMPLE_MS = 150;
/** A short command still running after this is looked for among its launcher's children. */
export const SHORT_MS_MAX = 250;
export const FREE_BYTES_MIN = 104_857_600;
/** Measuring takes at most one part in so many of the time. */
const DISK_SHARE = 20;
const EMPTY_READINGS_MAX = 6;
const MEMORY_SHARE_MAX = 0.9;

export interface Watched {
  readonly execution: Execution;
  readonly launcherPid: number;
}

export interface WatchEvents {
  /** The process id of a short command became known. */
  found(execution: Execution): void;
  kill(execution: Execution, reason: KillReason): void;
}

export class Watch {
  readonly #events: WatchEvents;
  readonly #physicalMb: number;
  readonly #freeBytesMin: number;
  #memoryKills = kernelMemoryKills();
  #countedMs = 0;

  /** @param limits - what the machine has, and the free disk below which commands are ended */
  constructor(
    events: WatchEvents,
    { physicalMb, freeBytesMin }: { readonly physicalMb: number; readonly freeBytesMin: number },
  ) {
    this.#events = events;
    this.#physicalMb = physicalMb;
    this.#freeBytesMin = freeBytesMin;
  }

  /** Kernel memory kills as counted a moment ago: the baseline of what starts now. */
  get memoryKills(): number {
    return this.#memoryKills;
  }

  /** Looks at whatever is due; the process table is read once for all. */
  look(watched: readonly Watched[], nowMs: number): void {
    if (nowMs - this.#countedMs >= SAMPLE_MS) {
      this.#memoryKills = kernelMemoryKills();
      this.#countedMs = nowMs;
    }
    const due = watched.filter(({ execution }) => isDue(execution, nowMs));
    if (due.length === 0) return;
    const table = ProcessTable.read();
    for (const each of due) this.#sample(each, table, nowMs);
  }

  #sample({ execution, launcherPid }: Watched, table: ProcessTable, nowMs: number): void {
    const { tree, job } = execution;
    // All at the same moments: one look at the processes of a large machine takes long.
    execution.nextSampleMs = nowMs - (nowMs % SAMPLE_MS) + SAMPLE_MS;
    if (execution.pid === 0) this.#find(execution, launcherPid, table);
    if (execution.pid !== 0 && tree.size === 0) {
      const row = table.row(execution.pid);
      if (row?.ppid === launcherPid) setRoot(execution, row);
    }
    table.refresh(tree, kinBySession(execution, launcherPid));
    execution.cpuMs = Math.max(execution.cpuMs, table.cpuMsOf(tree));
    const { pssMb, peakRssMb } = memoryOf(tree);
    execution.peakRamMb = Math.max(execution.peakRamMb, pssMb, peakRssMb);
    if (pssMb > job.memoryMb && pssMb >= this.#physicalMb * MEMORY_SHARE_MAX)
      this.#events.kill(execution, 'memory');
    execution.output.shorten();
    void this.#lookAtDisk(execution);
  }

  #find(execution: Execution, launcherPid: number, table: ProcessTable): void {
    const pid = launcherPid > 0 ? table.childrenOf(launcherPid)[0] : undefined;
    if (pid === undefined) return;
    execution.pid = pid;
    this.#events.found(execution);
  }

  /** Disks may be slow: the next look does not wait for this one. */
  async #lookAtDisk(execution: Execution): Promise<void> {
    if (execution.measuringDisk) return;
    execution.measuringDisk = true;
    try {
      const free = await freeBytes(execution.dir);
      execution.emptyReadings = free === 0 ? execution.emptyReadings + 1 : 0;
      const full =
        free !== null &&
        free < this.#freeBytesMin &&
        (free > 0 || execution.emptyReadings >= EMPTY_READINGS_MAX);
      if (full && !execution.finishing) this.#events.kill(execution, 'disk');
      await measureDisk(execution);
    } finally {
      execution.measuringDisk = false;
    }
  }
}

/** Large directories are measured less often. */
async function measureDisk(execution: Execution): Promise<void> {
  const { workspace } = execution;
  const beganMs = performance.now();
  if (workspace === null || execution.finishing || beganMs < execution.nextDiskMs) return;
  const used = await diskUsedMb([workspace.cwd, workspace.tmp]);
  execution.peakDiskMb = Math.max(execution.peakDiskMb, used);
  execution.nextDiskMs = beganMs + (performance.now() - beganMs) * DISK_SHARE;
}

function isDue({ startedMs, nextSampleMs, short, pid, finishing }: Execution, nowMs: number): boolean {
  if (finishing || startedMs === 0) return false;
  const age = nowMs - startedMs;
  if (short && pid === 0) return age >= SHORT_MS_MAX;
  return age >= FIRST_SAMPLE_MS && nowMs >= nextSampleMs;
}
