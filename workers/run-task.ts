/**
 * What every worker thread runs: takes a task by the file that holds it, and brings its failure home.
 *
 * An error that crosses threads loses its class and its code, so a failed task answers with a {@link TaskFailure}
 * instead of throwing. Task files are loaded before the thread says that it is ready.
 */
import { setPriority } from 'node:os';
import { threadId, workerData } from 'node:worker_threads';
import { type ErrorCode, WrError } from '../core/errors.ts';

export interface TaskCall {
  /** URL of a file whose default export is the task. */
  readonly file: string;
  readonly input: unknown;
}

export interface TaskFailure {
  readonly taskFailure: { readonly code: ErrorCode; readonly message: string; readonly cause: unknown };
}

type Task = (input: unknown) => unknown;

const tasks = new Map<string, Task>();
/** A start has better things to do, and what comes right after it too. */
const PRACTISE_AFTER_MS = 500;

/** A task has come: practice is over. */
let isInUse = false;
if (isThreadData(workerData)) {
  takePriority(workerData.niceness);
  try {
    for (const file of workerData.files) await load(file);
  } finally {
    Atomics.store(workerData.loaded, threadId % workerData.loaded.length, 1);
  }
  // Without it the first tasks take longer, and that is all.
  if (workerData.practice !== '') practise(workerData.practice).catch(() => undefined);
}

/** What Piscina calls. */
export default async function runTask({ file, input }: TaskCall): Promise<unknown> {
  isInUse = true;
  try {
    const task = tasks.get(file) ?? (await load(file));
    return await task(input);
  } catch (thrown) {
    return { taskFailure: describe(thrown) } satisfies TaskFailure;
  }
}

/** What a task throws on purpose keeps its code; anything else is a defect of the task. */
function describe(thrown: unknown): TaskFailure['taskFailure'] {
  if (thrown instanceof WrError) return { code: thrown.code, message: thrown.message, cause: thrown.cause };
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'WORKER_FAILED', message: `a worker failed: ${message}`, cause: thrown };
}

async function load(file: string): Promise<Task> {
  const task: Task = (await import(file)).default;
  tasks.set(file, task);
  return task;
}

/** Between two steps the thread looks for tasks. */
async function practise(file: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PRACTISE_AFTER_MS).unref());
  if (isInUse) return;
  const { practice }: { readonly practice: () => Iterable<void> } = await import(file);
  for (const _ of practice()) {
    await new Promise((resolve) => setImmediate(resolve));
    if (isInUse) return;
  }
}

/** Of this thread alone, which only Linux knows: elsewhere it would be the whole manager's. */
function takePriority(niceness: number): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(niceness);
  } catch {
    // It is refused where the manager itself was started with less.
  }
}

/** What the pool hands to each of its threads. */
interface ThreadData {
  readonly files: readonly string[];
  /** URL of a file with what to do until the first task; '': nothing. */
  readonly practice: string;
  readonly niceness: number;
  /** By thread: 1 when it has loaded its files, or failed to. */
  readonly loaded: Uint8Array;
}

function isThreadData(data: unknown): data is ThreadData {
  return typeof data === 'object' && data !== null && 'files' in data && Array.isArray(data.files);
}
