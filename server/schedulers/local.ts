/**
 * This machine as a scheduler: what it can hold, and the one runner process that serves it (schedulers.md §3).
 *
 * What to start is planned and pushed to the runner by `../allotment.ts`; here is cared for that there is a runner when
 * there is demand. It is started detached, in a session of its own, and outlives the manager.
 *
 * ```
 *          demand                    connects
 *   none ─────────► started ───────────────────────► connected ──┐ idle, or dies
 *    ▲                 │ ends before it ever connected            │
 *    │                 ▼                                          │
 *    └────────────── waiting, 1 s to 1 min ◄── (died at once) ────┤
 *    └────────────────────────────────────────────────────────────┘
 * ```
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { WrError } from '../../core/errors.ts';
import { canEverRun } from '../../core/planning.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { HasLeavings } from './leavings.ts';
import type { Capacity, Demand, Scheduler } from './scheduler.ts';
import { Tidying } from './tidying.ts';

const BYTES_PER_MB = 1024 * 1024;
/** Seconds a slot waits for another job; the slots themselves come and go with what is allotted. */
const RESERVE_SECONDS = 1;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
/** A runner that fails sooner did not get to work. */
const EARLY_MS = 2_000;
/** So many early ends in a row are no accident. */
const EARLY_ENDS_TOLD = 3;
const CONNECT_MS = 30_000;
/** Emptied, and then written at its end. */
const FROM_ITS_END = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;
/** Of what a runner that failed had to say. */
const LAST_WORDS_CHARACTERS = 500;

export interface RunnerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** It could not be started at all. */
  readonly error?: Error;
}

/**
 * Starts a runner process.
 * @param args - of `wr`, beginning with `runner`
 * @param ended - called once, when it has ended or could not be started
 * @returns its pid, `undefined` when it could not be started
 */
export type StartRunner = (args: readonly string[], ended: (end: RunnerEnd) => void) => number | undefined;

export interface LocalSchedulerOptions {
  /** −1: all there are. 0: only commands that ask for none. */
  readonly maxCores: number;
  readonly maxRamMb: number;
  /** The command line's entry file. */
  readonly entryFile: string;
  readonly deployment: string;
  /** `host:port` of the manager. */
  readonly server: string;
  readonly certDomain: string;
  /** Where runners keep their logs; '': nowhere. */
  readonly logDir: string;
  readonly syslog: boolean;
  /** What the present runner says on stderr; '': nobody keeps it. */
  readonly errorFile?: string;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly log: Log;
  /** Whether killed runners left something for another to see to. */
  readonly hasLeavings?: HasLeavings;
  /** The machine, if it is not this one. */
  readonly machine?: Capacity;
  /** Instead of a real process. */
  readonly startRunner?: StartRunner;
}

interface Started {
  readonly pid: number | undefined;
  readonly startedMs: number;
  connected: boolean;
  readonly cancelWait: () => void;
}

export class LocalScheduler implements Scheduler {
  readonly name = 'local';
  readonly capacity: Capacity;
  readonly #options: LocalSchedulerOptions;
  readonly #start: StartRunner;
  /** Runners with a connection: ours, and those an earlier manager started. */
  readonly #connected = new Set<number>();
  readonly #tidying: Tidying;
  #runner: Started | undefined;
  #demand = false;
  #earlyEnds = 0;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  /** @throws {WrError} BAD_OPTION for limits that are no numbers */
  constructor(options: LocalSchedulerOptions) {
    this.#options = options;
    const machine = options.machine ?? thisMachine();
    this.capacity = {
      cpus: lowered('--max_cores', machine.cpus, options.maxCores),
      memoryMb: lowered('--max_ram', machine.memoryMb, options.maxRamMb),
    };
    this.#tidying = new Tidying(options.hasLeavings ?? (async () => false), options.clock, () =>
      this.#startIfNone(),
    );
    this.#start = options.startRunner ?? makeStartRunner(options.entryFile, options.errorFile ?? '');
  }

  canEverRun({ memoryMb, cpus }: Pick<Demand, 'memoryMb' | 'cpus'>): boolean {
    return canEverRun(memoryMb, cpus, this.capacity);
  }

  schedule(demands: readonly Demand[]): void {
    this.#demand = demands.some(({ count }) => count > 0);
    this.#consider();
  }

  runnerConnected(pid: number): void {
    this.#connected.add(pid);
    if (this.#runner?.pid !== pid) return;
    this.#runner.connected = true;
    this.#runner.cancelWait();
  }

  runnerGone(pid: number): void {
    this.#connected.delete(pid);
    this.#consider();
    this.#tidying.mayStart();
  }

  tidy(): void {
    this.#tidying.look();
  }

  busy(): boolean {
    return !this.#closed && (this.#demand || this.#runner !== undefined || this.#connected.size > 0);
  }

  async cleanup(): Promise<void> {
    this.#closed = true;
    this.#demand = false;
    this.#tidying.close();
    this.#cancelRetry?.();
    this.#runner?.cancelWait();
  }

  #consider(): void {
    if (this.#demand) this.#startIfNone();
  }

  /** Starts a runner when there is none, nor one to wait for. @returns whether it did */
  #startIfNone(): boolean {
    const waiting = this.#runner !== undefined || this.#cancelRetry !== undefined;
    if (this.#closed || this.#connected.size > 0 || waiting) return false;
    const { clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    const cancelWait = clock.after(CONNECT_MS, () =>
      log.warn('the local runner has not connected yet', { pid: this.#runner?.pid }),
    );
    // Remembered first: a start that fails may say so before it returns.
    let runner: Started = { pid: undefined, startedMs, connected: false, cancelWait };
    this.#runner = runner;
    const pid = this.#start(this.#arguments(), (end) => this.#ended(startedMs, end));
    if (this.#runner !== runner || pid === undefined) return false;
    runner = { ...runner, pid, connected: this.#connected.has(pid) };
    this.#runner = runner;
    log.debug('a local runner was started', { pid });
    return true;
  }

  #ended(startedMs: number, end: RunnerEnd): void {
    const runner = this.#runner;
    if (runner === undefined) return;
    this.#runner = undefined;
    runner.cancelWait();
    if (this.#closed) return;
    const lived = this.#options.clock.monotonicMs() - startedMs;
    const early = !runner.connected || (end.code !== 0 && lived < EARLY_MS);
    if (!early) {
      this.#earlyEnds = 0;
      this.#consider();
      this.#tidying.mayStart();
      return;
    }
    this.#earlyEnds += 1;
    this.#tell(runner, end);
    const retryMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (this.#earlyEnds - 1));
    this.#cancelRetry = this.#options.clock.after(retryMs, () => {
      this.#cancelRetry = undefined;
      this.#consider();
      this.#tidying.mayStart();
    });
  }

  #tell(runner: Started, end: RunnerEnd): void {
    const { log, entryFile, errorFile = '' } = this.#options;
    const fields = {
      pid: runner.pid,
      code: end.code ?? undefined,
      signal: end.signal ?? undefined,
      error: end.error?.message,
      said: lastWords(errorFile),
    };
    if (this.#earlyEnds < EARLY_ENDS_TOLD)
      log.warn('the local runner ended before it could work; trying again', fields);
    // Not at every attempt, for ever: at 3, 6, 12, 24…
    else if (Number.isInteger(Math.log2(this.#earlyEnds / EARLY_ENDS_TOLD))) {
      const command = [process.execPath, entryFile, ...this.#arguments()].join(' ');
      log.error('no command can run: the local runner ends whenever it is started', {
        ...fields,
        times: this.#earlyEnds,
        command,
      });
    }
  }

  #arguments(): readonly string[] {
    const { deployment, server, certDomain, logDir, syslog } = this.#options;
    const logging = syslog ? ['--syslog'] : logDir === '' ? [] : ['--logdir', logDir];
    return [
      'runner',
      '-s',
      '',
      '--host_slots',
      '--deployment',
      deployment,
      '--server',
      server,
      '--domain',
      certDomain,
      '-r',
      String(RESERVE_SECONDS),
      ...logging,
    ];
  }
}

/** Cores and MB that this process may use: a container's limits count. */
function thisMachine(): Capacity {
  const constrained = process.constrainedMemory() ?? 0;
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { cpus: availableParallelism(), memoryMb: Math.floor(bytes / BYTES_PER_MB) };
}

function lowered(flag: string, all: number, most: number): number {
  if (!Number.isFinite(most)) throw new WrError('BAD_OPTION', `${flag} needs a number`);
  return most < 0 ? all : Math.min(all, most);
}

/** Its own session, nothing of the manager's but the environment: it has to outlive it. */
function makeStartRunner(entryFile: string, errorFile: string): StartRunner {
  return (args, ended) => {
    let errors: number | undefined;
    try {
      // At its end, wherever that is: a runner of an earlier manager may still have it open.
      if (errorFile !== '') errors = openSync(errorFile, FROM_ITS_END, 0o600);
    } catch {
      // Rather a runner whose complaints are lost than none.
    }
    try {
      const child = spawn(process.execPath, [entryFile, ...args], {
        detached: true,
        stdio: ['ignore', 'ignore', errors ?? 'ignore'],
      });
      child.once('error', (error) => ended({ code: null, signal: null, error }));
      child.once('exit', (code, signal) => ended({ code, signal }));
      child.unref();
      return child.pid;
    } catch (error) {
      ended({ code: null, signal: null, error: error instanceof Error ? error : new Error(String(error)) });
      return undefined;
    } finally {
      if (errors !== undefined) closeSync(errors);
    }
  };
}

function lastWords(errorFile: string): string | undefined {
  if (errorFile === '') return undefined;
  try {
    const text = readFileSync(errorFile, 'utf8').trim();
    return text === '' ? undefined : text.slice(-LAST_WORDS_CHARACTERS);
  } catch {
    return undefined;
  }
}
