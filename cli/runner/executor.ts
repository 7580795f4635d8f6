/** Runs jobs in the slots of this machine and says how they ended; knows nothing of the manager. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { EndedEvent, TouchedAttempt } from '../../core/runner-messages.ts';
import { Calm } from './calm.ts';
import { type Environment, type NestedUse, toSpawnEnvironment } from './environment.ts';
import { type Execution, type Job, type KillReason, NotStarted, Preparation, setRoot } from './execution.ts';
import type { ExecutorEvents, ExecutorPort } from './executor-port.ts';
import { type FinishWorld, finish, finishAtOnce, killedBeforeStart, neverPrepared } from './finish.ts';
import { kinByMark } from './kinship.ts';
import { entryOf, hasRuns, Ledger, spareEntry } from './ledger.ts';
import { LsfEmulation, removeEmulation } from './lsf-emulation.ts';
import { managerName } from './nested-use.ts';
import type { LaunchEnd } from './notices.ts';
import { OutputFiles } from './output-files.ts';
import { ProcessScan } from './process-scan.ts';
import { ProcessTable, readProcess, type Tree } from './process-table.ts';
import { Slot } from './slot.ts';
import { PROOF_LEAVES } from './spare-workspaces.ts';
import { killOrphans, killTree } from './tree-kill.ts';
import { FREE_BYTES_MIN, Watch, type Watched } from './watch.ts';
import { Workspaces } from './workspace.ts';
import { YoungPeaks } from './young-peaks.ts';

/** Ticks find short commands that are not short, and whatever is due to be looked at. */
const TICK_MS = 250;
/** Empty parents of directories are removed when little ends, and so often while much does. */
const TIDY_MS = 60_000;

export interface ExecutorOptions {
  /** Absolute path of the shell commands are given to. */
  readonly shell: string;
  readonly nested: NestedUse;
  /** Where the private directory for output files is made. */
  readonly tmpDir: string;
  /** What no other runner has. */
  readonly runnerId: string;
  readonly runnerPid: number;
  readonly physicalMb: number;
  /** Commands are ended when less is free on the disk they work on; default `FREE_BYTES_MIN`. */
  readonly freeBytesMin?: number;
  now(): number;
  random(): number;
}

export class Executor implements ExecutorPort {
  readonly #options: ExecutorOptions;
  readonly #events: ExecutorEvents;
  readonly #outputs: OutputFiles;
  readonly #ledger: Ledger;
  readonly #workspaces: Workspaces;
  readonly #preparation: Preparation;
  readonly #watch: Watch;
  readonly #youngPeaks: YoungPeaks;
  readonly #slots: Slot[] = [];
  readonly #executions = new Map<number, { readonly execution: Execution; readonly slot: Slot }>();
  /** Processes of behaviours, by attempt. */
  readonly #behaviours = new Map<number, ChildProcess>();
  /** Process trees being ended, by attempt: nothing of a command may be left when its end is told. */
  readonly #kills = new Map<number, Promise<void>>();
  /** Environments of launchers, by slot. */
  readonly #environments = new Map<Slot, Environment>();
  readonly #scan = new ProcessScan(() => this.#slots.map((slot) => slot.launcherPid));
  readonly #timer: NodeJS.Timeout;
  readonly #calm = new Calm();
  #tidiedMs = 0;

  constructor(options: ExecutorOptions, events: ExecutorEvents) {
    this.#options = options;
    this.#events = events;
    this.#outputs = new OutputFiles(options.tmpDir, options.now);
    this.#ledger = new Ledger(this.#outputs.directory, managerName(options.nested.variables));
    this.#workspaces = new Workspaces(options.random);
    this.#preparation = new Preparation(this.#workspaces, {
      ...options,
      lsf: new LsfEmulation(this.#outputs.directory, options.nested, options.shell),
    });
    const watchEvents = {
      found: (execution: Execution) => {
        this.#started(execution);
        // What waits behind it must not wait for long.
        this.#executions.get(execution.job.attempt)?.slot.recall();
      },
      kill: (execution: Execution, reason: KillReason) => void this.#kill(execution, reason),
    };
    const { physicalMb, freeBytesMin = FREE_BYTES_MIN } = options;
    this.#watch = new Watch(watchEvents, { physicalMb, freeBytesMin });
    this.#youngPeaks = new YoungPeaks({ now: options.now, monotonicMs: () => performance.now() });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** A slot more; its launcher is started with its first job. */
  addSlot(): Slot {
    const { shell, runnerPid, now } = this.#options;
    const slot: Slot = new Slot({
      shell,
      runnerPid,
      path: join(this.#outputs.directory, `slot${this.#slots.length}`),
      events: {
        now,
        started: (execution) => this.#started(execution),
        ended: (execution, end) => this.#commandEnded(slot, execution, end),
        returned: (execution) => this.#returned(execution),
      },
    });
    this.#slots.push(slot);
    return slot;
  }

  /**
   * Starts a job in a slot, or sends it behind the one that runs there.
   * @param environment - of the job's `envId`, with what nested use needs
   * @param bellEvery - jobs like it are known to be short, and so many may share a notice; 0: they are not
   * @returns whether the slot is taken; if not, its end has been told
   */
  run(slot: Slot, job: Job, environment: Environment, bellEvery: number): boolean {
    let execution: Execution;
    try {
      if (slot.length === 0) slot.enter(job.options.envId, environment);
      const isShort = bellEvery > 0 && job.options.unixGroup === '' && slot.takesAhead(job.options.envId);
      execution = this.#preparation.prepare(job, environment, () => this.#outputs.take(), isShort);
    } catch (error) {
      const why =
        error instanceof NotStarted
          ? error
          : new NotStarted('command failed to start', String(error), 'release');
      this.#events.ended(job, neverPrepared(job, why, this.#options.now()), null);
      return false;
    }
    execution.memoryKills = this.#watch.memoryKills;
    this.#executions.set(job.attempt, { execution, slot });
    this.#environments.set(slot, environment);
    slot.send(execution, bellEvery);
    this.#writeDown(execution);
    return true;
  }

  /** What is known of an attempt so far; `null`: not held. */
  usage(attempt: number): TouchedAttempt | null {
    const held = this.#executions.get(attempt);
    if (held === undefined) return null;
    const { peakRamMb, peakDiskMb, cpuMs, output, startedMs, finishing, sinceTicks } = held.execution;
    const none = { stdout: new Uint8Array(0), stderr: new Uint8Array(0) };
    const tails = startedMs > 0 && !finishing ? output.tails() : none;
    return { attempt, birth: sinceTicks, peakRamMb, peakDiskMb, cpuMs, ...tails };
  }

  kill(attempt: number, reason: KillReason): void {
    const held = this.#executions.get(attempt);
    if (held !== undefined) void this.#kill(held.execution, reason);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#youngPeaks.close();
    for (const slot of this.#slots) slot.close();
    this.#workspaces.dropEmptySpares();
    this.#workspaces.tidy();
    if (this.#executions.size === 0) this.#outputs.close();
    else this.#writeLedger(); // The next runner sees to what we had no time for.
  }

  #writeDown({ job }: Execution): void {
    this.#ledger.note();
    if (hasRuns(job.options)) this.#writeLedger();
  }

  #writeLedger(): void {
    const held = [...this.#executions.values()].map(({ execution }) => entryOf(execution));
    this.#ledger.write([...held, ...this.#workspaces.spares.map(spareEntry)], this.#options.now());
  }

  #started(execution: Execution): void {
    const { job, pid, startedMs, dir } = execution;
    const held = this.#executions.get(job.attempt);
    if (held === undefined) return; // A launcher may say so of a command that was ended meanwhile.
    this.#youngPeaks.add(execution, held.slot.launcherPid);
    this.#events.started(job, pid, startedMs, dir);
  }

  #commandEnded(slot: Slot, execution: Execution, end: LaunchEnd | null): void {
    execution.finishing = true;
    this.#writeDown(execution);
    const next = slot.head;
    if (next?.kill !== null && next !== undefined) void this.#killTreeOf(next);
    // Without its launcher nobody will learn how it ends: it must not be at work when another attempt is.
    if (end === null && execution.startedMs > 0)
      this.#kills.set(execution.job.attempt, killOrphans(execution));
    const world = this.#finishWorld(slot, execution);
    const event = execution.kill === null ? finishAtOnce(execution, end, world) : null;
    if (event !== null) this.#ended(slot, execution, event);
    else void this.#finishSlowly(slot, execution, end, world);
  }

  async #finishSlowly(
    slot: Slot,
    execution: Execution,
    end: LaunchEnd | null,
    world: FinishWorld,
  ): Promise<void> {
    await this.#kills.get(execution.job.attempt);
    const event = await finish(execution, end, world).catch((error: unknown) =>
      neverPrepared(
        execution.job,
        new NotStarted('command failed to complete normally', String(error), 'release'),
        world.now(),
      ),
    );
    this.#ended(slot, execution, event);
  }

  #ended(slot: Slot, execution: Execution, event: EndedEvent): void {
    const { job, output, emulation } = execution;
    if (emulation !== null) removeEmulation(emulation);
    this.#executions.delete(job.attempt);
    this.#calm.note();
    this.#writeDown(execution);
    this.#behaviours.delete(job.attempt);
    this.#kills.delete(job.attempt);
    if (Math.max(this.#workspaces.unproven, this.#outputs.unproven) >= PROOF_LEAVES) this.#prove();
    this.#outputs.give(output, execution.short);
    // A lone command's directories are gone when its end is told; in a run of short ones that waits for a tick.
    if (this.#executions.size === 0 && !execution.short) this.#workspaces.tidy();
    this.#events.ended(job, event, slot);
  }

  #finishWorld(slot: Slot, execution: Execution): FinishWorld {
    return {
      workspaces: this.#workspaces,
      now: this.#options.now,
      environment: () =>
        toSpawnEnvironment(
          this.#preparation.environmentOf(execution, this.#environments.get(slot) ?? new Map()),
        ),
      running: (child) => this.#behaviours.set(execution.job.attempt, child),
    };
  }

  #returned(execution: Execution): void {
    const { job, workspace, output, kill, emulation } = execution;
    const slot = this.#executions.get(job.attempt)?.slot;
    if (slot === undefined) return;
    this.#executions.delete(job.attempt);
    this.#writeDown(execution);
    if (workspace !== null) this.#workspaces.removeEmpty(workspace);
    if (emulation !== null) removeEmulation(emulation);
    this.#outputs.give(output, false);
    if (kill === 'user') this.#events.ended(job, killedBeforeStart(job, this.#options.now()), slot);
    else this.#events.returned(job, slot);
  }

  async #kill(execution: Execution, reason: KillReason): Promise<void> {
    if (execution.kill !== null) {
      // Who asks once more does not want to wait for what follows either.
      if (execution.finishing) await this.#killBehaviour(execution.job.attempt);
      return;
    }
    execution.kill = reason;
    execution.overTime = this.#options.now() > execution.startedMs + execution.job.timeMs;
    const held = this.#executions.get(execution.job.attempt);
    if (held === undefined) return;
    if (held.slot.head === execution) await this.#killTreeOf(execution);
    else if (execution.finishing) await this.#killBehaviour(execution.job.attempt);
    else held.slot.recall();
  }

  #killTreeOf(execution: Execution): Promise<void> {
    const killing = this.#killRunning(execution);
    this.#kills.set(execution.job.attempt, killing);
    return killing;
  }

  async #killRunning(execution: Execution): Promise<void> {
    const launcherPid = this.#executions.get(execution.job.attempt)?.slot.launcherPid ?? 0;
    if (launcherPid <= 1) return;
    const { tree } = execution;
    if (execution.pid === 0 || tree.size === 0) {
      const table = ProcessTable.read();
      const pid = execution.pid === 0 ? table.childrenOf(launcherPid)[0] : execution.pid;
      const row = pid === undefined ? undefined : table.row(pid);
      if (row === undefined || row.ppid !== launcherPid) return await this.#killLater(execution);
      setRoot(execution, row);
    }
    await killTree(execution.pid, tree, kinByMark(execution, launcherPid));
  }

  /** The launcher is between two commands; the one to be killed is about to start. */
  async #killLater(execution: Execution): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (this.#executions.has(execution.job.attempt) && !execution.finishing)
      await this.#killRunning(execution);
  }

  async #killBehaviour(attempt: number): Promise<void> {
    const pid = this.#behaviours.get(attempt)?.pid;
    const row = pid === undefined ? null : readProcess(pid);
    if (row === null) return;
    const tree: Tree = new Map([[row.pid, row.startTicks]]);
    await killTree(row.pid, tree);
  }

  /** What short commands left may be used again once no process is there any more. */
  #prove(): void {
    const inUse = this.#scan.look();
    if (inUse === null) return;
    this.#outputs.prove(inUse);
    void this.#workspaces.prove(inUse);
  }

  #tick(): void {
    const nowMs = this.#options.now();
    this.#outputs.tick();
    if (this.#ledger.due(nowMs)) this.#writeLedger();
    const watched: Watched[] = [];
    for (const slot of this.#slots) {
      // A bell that several commands share does not ring while one of them takes long.
      slot.listen();
      if (slot.head !== undefined) watched.push({ execution: slot.head, launcherPid: slot.launcherPid });
    }
    this.#watch.look(watched, nowMs);
    const idle = this.#executions.size === 0;
    if (idle) this.#outputs.dropUnproven();
    // One long command must not keep the directories of all that ended beside it.
    const calm = this.#calm.look(nowMs) || idle;
    if (calm && this.#workspaces.hasSpares)
      void this.#workspaces.dropSpares().then(() => this.#workspaces.tidy());
    if (this.#workspaces.untidy && (calm || nowMs - this.#tidiedMs > TIDY_MS)) {
      this.#tidiedMs = nowMs;
      this.#workspaces.tidy();
    }
  }
}
