import { isAbsolute, resolve } from 'node:path';
import { attemptMark } from '../../core/attempt-mark.ts';
import type { FailReason } from '../../core/fail-reasons.ts';
import type { JobOptions } from '../../core/job-options.ts';
import type { ResourceIds } from '../../core/resource-names.ts';
import { makeDirectories } from '../make-directories.ts';
import type { Workspace } from './attempt-directories.ts';
import { type ByteString, bytesToByteString, toByteString } from './bytes.ts';
import {
  type Assignments,
  assignmentsOf,
  type Environment,
  type NestedUse,
  overridesOf,
  type Sizes,
  sizesOf,
} from './environment.ts';
import { type Emulation, type LsfEmulation, removeEmulation } from './lsf-emulation.ts';
import type { OutputPair } from './output-files.ts';
import { layered, ownVariables } from './own-variables.ts';
import { allowsPlainWords, type PlainCommand, Programs } from './plain-words.ts';
import type { ProcessRow, Tree } from './process-table.ts';
import { ARGUMENT_BYTES_MAX, commandText } from './script.ts';
import type { Habits } from './spare-workspaces.ts';
import { UnixGroups } from './unix-groups.ts';
import type { Workspaces } from './workspace.ts';

/** A job as the manager handed it out, its template's options and its own brought together. */
export interface Job {
  readonly attempt: number;
  readonly group: string;
  readonly key: string;
  readonly cmd: Uint8Array;
  readonly options: JobOptions;
  /** In an array of commands; '': it is of none. */
  readonly arrayIndex: string;
  readonly attemptsLeft: number;
  readonly resources: ResourceIds | null;
  readonly memoryMb: number;
  readonly timeMs: number;
}

/** Why we ended a command. */
export type KillReason = 'user' | 'signal' | 'memory' | 'disk' | 'forgotten';

export interface Execution {
  readonly job: Job;
  readonly text: ByteString;
  /** It needs no shell. */
  readonly plain: PlainCommand | null;
  readonly dir: string;
  /** `null`: it runs in the directory it named. */
  readonly workspace: Workspace | null;
  readonly assignments: Assignments;
  /** Of a bsub mode; `null`: it has none. */
  readonly emulation: Emulation | null;
  readonly output: OutputPair;
  /** Shared with those of its template. */
  readonly habits: Habits;
  /** Its process id is not announced. */
  readonly short: boolean;
  /** Unix ms; 0: not started yet, it waits behind another one. */
  startedMs: number;
  /** Unix ms; 0: it has not ended. */
  endedMs: number;
  /** 0: not known yet. */
  pid: number;
  readonly tree: Tree;
  /** When its first process began, in clock ticks since boot; 0: not seen yet. */
  sinceTicks: number;
  /** In the environment of all that comes of it. */
  readonly mark: string;
  kill: KillReason | null;
  /** The time it had asked for was over when it was ended. */
  overTime: boolean;
  peakRamMb: number;
  peakDiskMb: number;
  cpuMs: number;
  /** Kernel memory kills when it started; −1: unknown. */
  memoryKills: number;
  /** It was taken back before it started. */
  recalled: boolean;
  /** It has ended; what follows is under way. */
  finishing: boolean;
  nextSampleMs: number;
  measuringDisk: boolean;
  /** Not measured before this; of the monotonic clock. */
  nextDiskMs: number;
  /** Readings of no free space at all in a row: some file systems give one by mistake. */
  emptyReadings: number;
}

/** Its first process has been seen. */
export function setRoot(execution: Execution, { pid, startTicks }: ProcessRow): void {
  execution.pid = pid;
  execution.sinceTicks = startTicks;
  execution.tree.set(pid, startTicks);
}

/** Why an attempt ends before its command starts. */
export class NotStarted extends Error {
  readonly reason: FailReason;
  readonly outcome: 'bury' | 'release';

  constructor(reason: FailReason, message: string, outcome: 'bury' | 'release' = 'bury') {
    super(message);
    this.reason = reason;
    this.outcome = outcome;
  }
}

/** What all jobs of a template share. */
interface Shared {
  readonly habits: Habits;
  readonly modules: readonly ByteString[];
  readonly overrides: ReadonlyMap<string, ByteString>;
  readonly assignments: Assignments;
  readonly overrideSizes: Sizes;
  /** What was found out about plain words in `environment`; that of the last command. */
  plain: PlainUse | null;
}

interface PlainUse {
  readonly environment: Environment;
  /** Where programs are looked for; `null`: all is for the shell. */
  readonly path: ByteString | null;
}

/** Bytes of arguments and environment the kernel takes with certainty (a quarter of the usual stack limit). */
const START_BYTES_MAX = 2_000_000;

export class Preparation {
  readonly #workspaces: Workspaces;
  readonly #nested: NestedUse;
  readonly #shell: string;
  readonly #runnerId: string;
  readonly #programs: Programs;
  readonly #groups: UnixGroups;
  readonly #lsf: LsfEmulation;
  readonly #shared = new WeakMap<JobOptions, Shared>();

  constructor(
    workspaces: Workspaces,
    options: {
      readonly nested: NestedUse;
      readonly lsf: LsfEmulation;
      readonly shell: string;
      readonly runnerId: string;
      now(): number;
    },
  ) {
    const { nested, lsf, shell, runnerId, now } = options;
    this.#runnerId = runnerId;
    this.#workspaces = workspaces;
    this.#nested = nested;
    this.#lsf = lsf;
    this.#shell = shell;
    this.#programs = new Programs(now);
    this.#groups = new UnixGroups(now);
  }

  /**
   * Makes what a command needs.
   * @param environment - the launcher's
   * @throws {NotStarted} it cannot run; nothing is left behind
   */
  prepare(job: Job, environment: Environment, takeOutput: () => OutputPair, short: boolean): Execution {
    const { options } = job;
    const mark = attemptMark(job.attempt, this.#runnerId);
    refuseUnsupported(options);
    this.#checkGroup(options.unixGroup);
    const shared = this.#sharedOf(options);
    const text = commandText(bytesToByteString(job.cmd), shared.modules);
    checkLengths(text, shared, environment);
    const { dir, workspace } = this.#directory(job);
    const emulation = this.#emulation(options, shared, environment, workspace);
    let output: OutputPair;
    try {
      output = takeOutput();
    } catch (cause) {
      if (workspace !== null) this.#workspaces.removeEmpty(workspace);
      if (emulation !== null) removeEmulation(emulation);
      throw new NotStarted(
        'command failed to start',
        `its output files cannot be made: ${textOf(cause)}`,
        'release',
      );
    }
    return {
      job,
      text,
      plain: short && emulation === null ? this.#plainCommand(text, shared, environment) : null,
      dir,
      workspace,
      assignments: withOwn(shared, ownVariables(job, workspace, mark, emulation)),
      emulation,
      output,
      habits: shared.habits,
      short,
      startedMs: 0,
      endedMs: 0,
      pid: 0,
      tree: new Map(),
      sinceTicks: 0,
      mark,
      kill: null,
      overTime: false,
      peakRamMb: 0,
      peakDiskMb: 0,
      cpuMs: 0,
      memoryKills: -1,
      recalled: false,
      finishing: false,
      nextSampleMs: 0,
      measuringDisk: false,
      nextDiskMs: 0,
      emptyReadings: 0,
    };
  }

  /** All the variables of a command, for what runs after it. */
  environmentOf({ job, workspace, mark, emulation }: Execution, base: Environment): Environment {
    const own = ownVariables(job, workspace, mark, emulation);
    return layered(base, this.#sharedOf(job.options).overrides, own);
  }

  #checkGroup(group: string): void {
    const problem = group === '' ? null : this.#groups.problem(group);
    if (problem !== null) throw new NotStarted('command permission problem', problem);
  }

  #sharedOf(options: JobOptions): Shared {
    let shared = this.#shared.get(options);
    if (shared === undefined) {
      const overrides = overridesOf(options, this.#nested);
      shared = {
        habits: { leavesFiles: false },
        modules: options.modules.map(toByteString),
        overrides,
        assignments: assignmentsOf(overrides),
        overrideSizes: sizesOf(overrides),
        plain: null,
      };
      this.#shared.set(options, shared);
    }
    return shared;
  }

  #plainCommand(text: ByteString, shared: Shared, environment: Environment): PlainCommand | null {
    if (shared.plain?.environment !== environment)
      shared.plain = { environment, path: this.#programPath(shared, environment) };
    const { path } = shared.plain;
    return path === null ? null : this.#programs.plainCommand(text, path);
  }

  #programPath({ overrides, assignments }: Shared, environment: Environment): ByteString | null {
    if (assignments.byEnv !== '' || ![environment, overrides].every((e) => allowsPlainWords(this.#shell, e)))
      return null;
    return overrides.get('PATH') ?? environment.get('PATH') ?? null;
  }

  #directory({ options, key }: Job): { readonly dir: string; readonly workspace: Workspace | null } {
    // A relative one is so to where this runner was started: that is all it can mean here.
    const cwd = isAbsolute(options.cwd) ? options.cwd : resolve(options.cwd);
    try {
      if (options.cwdMatters) {
        makeDirectories(cwd);
        return { dir: cwd, workspace: null };
      }
      const workspace = this.#workspaces.make(cwd, key);
      return { dir: workspace.cwd, workspace };
    } catch (cause) {
      throw new NotStarted('working directory does not exist', textOf(cause));
    }
  }

  #emulation(
    options: JobOptions,
    { overrides }: Shared,
    environment: Environment,
    workspace: Workspace | null,
  ): Emulation | null {
    if (options.bsubMode === '') return null;
    try {
      return this.#lsf.make(options, overrides.get('PATH') ?? environment.get('PATH') ?? '');
    } catch (cause) {
      if (workspace !== null) this.#workspaces.removeEmpty(workspace);
      throw new NotStarted(
        'working directory does not exist',
        `no directory for bsub could be made: ${textOf(cause)}`,
      );
    }
  }
}

function withOwn(
  { assignments }: Shared,
  variables: readonly (readonly [string, ByteString])[],
): Assignments {
  return { plain: `${assignments.plain}${assignmentsOf(variables).plain}`, byEnv: assignments.byEnv };
}

/** Never run a command without what it was promised. */
function refuseUnsupported(options: JobOptions): void {
  const name = (what: string): string =>
    `${what} is accepted and stored, but not carried out yet; see docs/later.md`;
  if (options.withDocker !== '' || options.withSingularity !== '') {
    throw new NotStarted('container failed to start', name('running in a container'));
  }
  if (options.mounts.length > 0)
    throw new NotStarted('mounting of remote file system(s) failed', name('mounting'));
  if (options.monitorDocker !== '')
    throw new NotStarted('could not interact with docker', name('monitoring a container'));
}

function checkLengths(text: ByteString, { overrideSizes }: Shared, environment: Environment): void {
  if (text.includes('\0')) throw new NotStarted('command failed to start', 'the command holds a NUL byte');
  const sizes = sizesOf(environment);
  const longest = Math.max(text.length, sizes.longest, overrideSizes.longest);
  const bytes = text.length + sizes.bytes + overrideSizes.bytes;
  if (longest < ARGUMENT_BYTES_MAX && bytes <= START_BYTES_MAX) return;
  const message =
    longest >= ARGUMENT_BYTES_MAX
      ? `the kernel takes arguments and variables of up to ${ARGUMENT_BYTES_MAX - 1} bytes; this one has ${longest}`
      : `the kernel takes up to ${START_BYTES_MAX} bytes of arguments and variables; these have ${bytes}`;
  throw new NotStarted('command line too long', message);
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
