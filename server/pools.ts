/**
 * The worker threads: one pool takes in the frames of adds, another answers questions and plans, so that a long question
 * never stands before an add, nor an add before a plan.
 *
 * Measured on a busy machine of 2 cores: a round trip costs 50 µs with plain messages, 70 µs with blocking waits and 110 µs
 * with asynchronous ones. Plain messages also let a worker's event loop turn, and with it LMDB let go of its snapshot. A
 * thread that waits takes about 10 MB. What a new thread does until its first task (workers/practice.ts) makes the first million
 * lines take a seventh less.
 */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Piscina } from 'piscina';
import { WrError } from '../core/errors.ts';
import type { ArrayPartTask } from '../workers/array-part.ts';
import type { IngestTask } from '../workers/ingest.ts';
import type { IngestResult } from '../workers/ingest-result.ts';
import type { LearnResult, LearnTask } from '../workers/learn.ts';
import type { PlanResult, PlanTask } from '../workers/plan.ts';
import type { QueryResult, QueryTask } from '../workers/query.ts';
import type { TaskCall, TaskFailure } from '../workers/run-task.ts';
import { type Runners, StoreTasks } from './tasks.ts';
import { HELPER_NICENESS } from './thread-priority.ts';

const INGEST_THREADS_MIN = 2;
const INGEST_THREADS_MAX = 4;
const ASK_THREADS_MIN = 1;
const ASK_THREADS_MAX = 2;
/** Threads beyond the minimum end after so long without work. */
const IDLE_MS = 30_000;
const HEAP_MB_MAX = 1_024;
/** After a storm of frames the threads hold 30 MB less than with 32, and are as fast. */
const YOUNG_HEAP_MB_MAX = 8;
/** A thread that died while it loaded is not waited for longer. */
const LOAD_MS_MAX = 2_000;
const LOAD_POLL_MS = 5;
/** Ids beyond it begin anew: threads that died are replaced. */
const THREADS_TOLD = 1_024;
/** Threads are started so long after the manager, or with the first task: a start has better things to do. */
const WARM_UP_MS = 300;

const file = (name: string): string =>
  new URL(`../workers/${name}${extname(fileURLToPath(import.meta.url))}`, import.meta.url).href;

const RUN_TASK = file('run-task');
const TASK_FILES = {
  ingest: file('ingest'),
  arrayPart: file('array-part'),
  plan: file('plan'),
  learn: file('learn'),
  query: file('query'),
} as const;

/** What the manager asks of its threads; `path` is the database's, which the tasks open for reading. */
export function openPools(path: string, onDied: ThreadDied): Pools {
  return new Pools(new PoolRunners(onDied), path);
}

/** The tasks in the asking thread, without any clone or move: for tests and simulations. */
export function inlineRunners(): Runners {
  const call = async (task: string, input: unknown): Promise<unknown> =>
    unwrapped(await (await import(task)).default(input));
  return {
    ingest: (task) => call(TASK_FILES.ingest, task) as Promise<IngestResult>,
    arrayPart: (task) => call(TASK_FILES.arrayPart, task) as Promise<IngestResult>,
    plan: (task) => call(TASK_FILES.plan, task) as Promise<PlanResult>,
    learn: (task) => call(TASK_FILES.learn, task) as Promise<LearnResult>,
    query: (task) => call(TASK_FILES.query, task) as Promise<QueryResult>,
  };
}

export class Pools extends StoreTasks {
  readonly #runners: PoolRunners;

  constructor(runners: PoolRunners, path: string) {
    super(runners, path);
    this.#runners = runners;
  }

  /** Ends the threads; what they are at fails with STOPPING. */
  close(): Promise<void> {
    return this.#runners.close();
  }
}

export class PoolRunners implements Runners {
  readonly #ingest: Pool;
  readonly #ask: Pool;
  readonly #warmUp = setTimeout(() => {
    this.#ask.start();
    this.#ingest.start();
  }, WARM_UP_MS).unref();

  constructor(onDied: ThreadDied = () => undefined) {
    this.#ingest = new Pool({
      files: [TASK_FILES.ingest, TASK_FILES.arrayPart],
      practice: file('practice'),
      threadsMin: INGEST_THREADS_MIN,
      threadsMax: Math.min(INGEST_THREADS_MAX, Math.max(INGEST_THREADS_MIN, availableParallelism() - 1)),
      onDied,
    });
    this.#ask = new Pool({
      files: [TASK_FILES.plan, TASK_FILES.learn, TASK_FILES.query],
      threadsMin: ASK_THREADS_MIN,
      threadsMax: ASK_THREADS_MAX,
      onDied,
    });
  }

  /** The bytes are moved: the caller's view of them is empty afterwards, where their buffer may be moved or is theirs alone. */
  ingest(task: IngestTask): Promise<IngestResult> {
    const bytes = canMove(task) ? (task.bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(task.bytes);
    return this.#ingest.run(TASK_FILES.ingest, { ...task, bytes }, [bytes.buffer]);
  }

  arrayPart(task: ArrayPartTask): Promise<IngestResult> {
    return this.#ingest.run(TASK_FILES.arrayPart, task);
  }

  /** The table is shared: nothing is copied or moved. */
  plan(task: PlanTask): Promise<PlanResult> {
    return this.#ask.run(TASK_FILES.plan, task);
  }

  learn(task: LearnTask): Promise<LearnResult> {
    return this.#ask.run(TASK_FILES.learn, task);
  }

  query(task: QueryTask): Promise<QueryResult> {
    return this.#ask.run(TASK_FILES.query, task);
  }

  async close(): Promise<void> {
    clearTimeout(this.#warmUp);
    await Promise.all([this.#ingest.close(), this.#ask.close()]);
  }
}

/**
 * A thread died that was at no task: nothing failed with it. It is replaced where it had come up.
 * @param left - threads of its pool, the one in its place included; 0: what the pool is given waits for ever
 */
export type ThreadDied = (cause: unknown, left: number) => void;

export interface PoolOptions {
  /** URLs of the task files that its threads load before they say they are ready. */
  readonly files: readonly string[];
  /** URL of a file with what they do until their first task. */
  readonly practice?: string;
  readonly threadsMin: number;
  readonly threadsMax: number;
  /** A task that needs more fails by itself, and not the manager with it. */
  readonly heapMbMax?: number;
  readonly onDied?: ThreadDied;
}

/** Threads that run tasks by file. */
export class Pool {
  readonly #options: PoolOptions;
  #pool: Promise<Piscina> | undefined;
  #closed = false;
  /** In memory that the threads share, by thread id: 1 when it has loaded its files. */
  readonly #loaded = new Uint8Array(new SharedArrayBuffer(THREADS_TOLD));

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Starts the threads unless they are; without it, the first task does. */
  start(): void {
    if (!this.#closed) this.#open().catch(() => undefined); // The next task meets the same failure and reports it.
  }

  /**
   * @param task - URL of the file whose default export takes `input`
   * @param buffers - moved to the thread instead of copied
   * @throws {WrError} what the task threw, with its code; WORKER_FAILED when it failed otherwise or its thread died, with
   *   the cause; STOPPING
   */
  async run<Result>(task: string, input: unknown, buffers: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.#closed) throw stopping();
    const pool = await this.#open();
    let result: Result | TaskFailure;
    try {
      result = await pool.run({ file: task, input } satisfies TaskCall, { transferList: [...buffers] });
    } catch (cause) {
      if (this.#closed) throw stopping();
      throw new WrError('WORKER_FAILED', `a worker failed: ${textOf(cause)}`, { cause });
    }
    if (this.#closed) throw stopping();
    if (!isFailure(result)) return result;
    const { code, message, cause } = result.taskFailure;
    throw new WrError(code, message, cause === undefined ? {} : { cause });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pool = await this.#pool?.catch(() => undefined);
    if (pool === undefined) return;
    await this.#allLoaded(pool);
    await pool.destroy();
  }

  /** A thread that is ended while it loads native code takes the process along. */
  async #allLoaded({ threads }: Piscina): Promise<void> {
    const hasLoaded = ({ threadId }: (typeof threads)[number]): boolean =>
      threadId < 0 || Atomics.load(this.#loaded, threadId % THREADS_TOLD) === 1;
    for (let waitedMs = 0; waitedMs < LOAD_MS_MAX; waitedMs += LOAD_POLL_MS) {
      if (threads.every(hasLoaded)) return;
      await new Promise((resolve) => setTimeout(resolve, LOAD_POLL_MS));
    }
  }

  #open(): Promise<Piscina> {
    this.#pool ??= this.#make();
    return this.#pool;
  }

  async #make(): Promise<Piscina> {
    // Not with the other modules: reading Piscina would be in the way of the start.
    const { Piscina } = await import('piscina');
    const pool = new Piscina({
      filename: RUN_TASK,
      minThreads: this.#options.threadsMin,
      maxThreads: this.#options.threadsMax,
      idleTimeout: IDLE_MS,
      atomics: 'disabled',
      resourceLimits: {
        maxOldGenerationSizeMb: this.#options.heapMbMax ?? HEAP_MB_MAX,
        maxYoungGenerationSizeMb: YOUNG_HEAP_MB_MAX,
      },
      workerData: {
        files: this.#options.files,
        practice: this.#options.practice ?? '',
        niceness: HELPER_NICENESS,
        loaded: this.#loaded,
      },
    });
    // Without a listener it would take the manager along.
    pool.on('error', (cause: unknown) => {
      if (!this.#closed) this.#options.onDied?.(cause, pool.threads.length);
    });
    return pool;
  }
}

/** Node's small buffers share one that cannot be moved, and to move a view is to move all around it. */
function canMove({ bytes, isMovable = false }: IngestTask): boolean {
  const { buffer, byteLength } = bytes;
  if (!(buffer instanceof ArrayBuffer)) return false;
  return byteLength === buffer.byteLength || (isMovable && byteLength > Buffer.poolSize);
}

function isFailure(result: unknown): result is TaskFailure {
  return typeof result === 'object' && result !== null && 'taskFailure' in result;
}

/** What a task wraps for Piscina to move it. */
function unwrapped(result: unknown): unknown {
  const symbol = Symbol.for('Piscina.valueOf');
  return typeof result === 'object' && result !== null && symbol in result
    ? (result as Record<symbol, unknown>)[symbol]
    : result;
}

function stopping(): WrError {
  return new WrError('STOPPING', 'the manager is stopping');
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
