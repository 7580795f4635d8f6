/**
 * The archive: keys of complete jobs move from memory to the index on disk, in sorted batches, in the background.
 *
 * A B-tree of random keys is dear to write one at a time (design §3), so completions wait here until there are many. Their
 * keys then ride along with the commits of the hot path, about as many at a time as complete; by themselves they are
 * written only when nothing else is. (Commits of their own beside the hot path's were tried: they broke its batches up,
 * and halved the cycles a second.)
 *
 * An add looks archived keys up in a worker, before it claims; a batch therefore leaves memory only once every add has ended
 * that may have looked before the batch was on disk. An add whose frames are still coming in has not looked yet, and holds nothing.
 */
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf, type TableChunk } from '../core/job-table.ts';
import { completeKeyWrite, unindexedWrite } from '../store/history-tables.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import type { AddPart } from './add-part.ts';
import type { Clock } from './clock.ts';
import type { Tasks } from './tasks.ts';

/** Sorted together: neighbours share pages of the B-tree. Fewer than 2^20, see `sorted`. */
const BATCH_JOBS = 32_768;
const BATCH_WAIT_MS = 1_000;
/** Riders of a commit that is made for them alone; small enough not to hold up what comes meanwhile. */
const ALONE_MAX = 1_024;
/** Nothing was committed for so long: keys go by themselves. */
const QUIET_MS = 20;

/** What one commit completed. */
interface Completions {
  readonly batch: number;
  readonly numbers: readonly number[];
}

/** A batch on its way to the index. */
interface Batch {
  readonly completions: readonly Completions[];
  readonly numbers: readonly number[];
  /** Positions in `numbers`, in order of keys. */
  readonly order: Uint32Array;
  /** How many were handed to commits. */
  at: number;
  /** The last of them is on disk. */
  written: boolean;
}

export class Archive {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  readonly #clock: Clock;
  /** On disk as complete, not in the index yet. */
  #waiting: Completions[] = [];
  #waitingJobs = 0;
  #timer: (() => void) | undefined;
  #current: Batch | undefined;
  /** Asks for a commit although nothing else is to be written. */
  readonly #nudge: () => void;
  #cancelNudge: (() => void) | undefined;
  /** Index batches written so far. */
  #generation = 0;
  /** Generations at which those began who have looked keys up and still go by that. */
  readonly #entered = new Map<number, number>();
  /** In the index, and still in memory. */
  readonly #evictable: { readonly generation: number; readonly numbers: readonly number[] }[] = [];
  #indexed: boolean;

  constructor(queue: JobQueue, store: KeyValueStore, tasks: Tasks, clock: Clock, nudge: () => void) {
    this.#queue = queue;
    this.#tasks = tasks;
    this.#clock = clock;
    this.#nudge = nudge;
    this.#indexed = store.count('keys') > 0;
  }

  /** Keeps in memory meanwhile what a look at the index may have missed, as it was written after that. */
  async during<Result>(act: () => Promise<Result>): Promise<Result> {
    const generation = this.enter();
    try {
      return await act();
    } finally {
      this.leave(generation);
    }
  }

  /** Somebody is about to look keys up. @returns what must be handed to {@link leave} */
  enter(): number {
    this.#entered.set(this.#generation, (this.#entered.get(this.#generation) ?? 0) + 1);
    return this.#generation;
  }

  leave(generation: number): void {
    const left = (this.#entered.get(generation) ?? 0) - 1;
    if (left > 0) this.#entered.set(generation, left);
    else this.#entered.delete(generation);
    this.#evict();
  }

  /** The parts of an add, each with its jobs marked whose keys are of archived jobs. */
  async lookUp(parts: readonly AddPart[]): Promise<readonly AddPart[]> {
    if (!this.#indexed) return parts;
    return Promise.all(parts.map(async (part) => ({ ...part, inHistory: await this.find(part.keys) })));
  }

  /** By key: the number of the archived complete job that has it, or 0; `null`: none of them. */
  async find(keys: Uint8Array): Promise<Uint32Array | null> {
    return this.#indexed ? this.#tasks.findKeys(keys) : null;
  }

  completed(batch: number, numbers: readonly number[]): void {
    this.#waiting.push({ batch, numbers });
    this.#waitingJobs += numbers.length;
    if (this.#waitingJobs >= BATCH_JOBS) this.#prepare();
    else this.#timer ??= this.#clock.after(BATCH_WAIT_MS, () => this.#prepare());
  }

  /** Removed jobs leave memory at once: adding them again is a new job. */
  removed(numbers: readonly number[]): void {
    this.#forget(numbers);
  }

  /** Writes that may go with the next commit; each is handed out once, and must be written. */
  riders(beside: number): Write[] {
    const batch = this.#current;
    if (batch === undefined) return [];
    const max = beside === 0 ? ALONE_MAX : beside;
    const writes: Write[] = [];
    for (const end = Math.min(batch.order.length, batch.at + max); batch.at < end; batch.at += 1) {
      writes.push(this.#keyWrite(batch.numbers[batch.order[batch.at] as number] as number));
    }
    if (batch.at === batch.order.length && !batch.written) {
      batch.written = true;
      for (const { batch: name } of batch.completions) writes.push(unindexedWrite(name, null));
    }
    return writes;
  }

  /** The riders handed out last are on disk. */
  ridden(): void {
    const batch = this.#current;
    if (batch === undefined) return;
    if (!batch.written) {
      this.#nudgeLater();
      return;
    }
    this.#current = undefined;
    this.#indexed = true;
    this.#generation += 1;
    this.#evictable.push({ generation: this.#generation, numbers: batch.numbers });
    this.#evict();
    if (this.#waitingJobs >= BATCH_JOBS) this.#prepare();
    else if (this.#waiting.length > 0)
      this.#timer ??= this.#clock.after(BATCH_WAIT_MS, () => this.#prepare());
  }

  /** Has everything handed over so far written; for a clean stop and tests. @param flushed - waits for a commit */
  async settle(flushed: () => Promise<void>): Promise<void> {
    while (this.#waiting.length > 0 || this.#current !== undefined) {
      this.#prepare();
      this.#nudge();
      await flushed();
    }
  }

  #prepare(): void {
    this.#timer?.();
    this.#timer = undefined;
    if (this.#current !== undefined || this.#waiting.length === 0) return;
    const completions = this.#takeWaiting();
    const numbers = completions.flatMap((completion) => completion.numbers);
    this.#current = { completions, numbers, order: this.#sorted(numbers), at: 0, written: false };
    this.#nudgeLater();
  }

  /** Put off by each commit that takes riders along. */
  #nudgeLater(): void {
    this.#cancelNudge?.();
    this.#cancelNudge = this.#clock.after(QUIET_MS, () => this.#nudge());
  }

  #takeWaiting(): Completions[] {
    let count = 0;
    let jobs = 0;
    while (count < this.#waiting.length && jobs < BATCH_JOBS)
      jobs += this.#waiting[count++]?.numbers.length ?? 0;
    this.#waitingJobs -= jobs;
    return this.#waiting.splice(0, count);
  }

  #evict(): void {
    const oldest = Math.min(...this.#entered.keys());
    while (this.#evictable.length > 0) {
      const next = this.#evictable[0];
      if (next === undefined || next.generation > oldest) return;
      this.#evictable.shift();
      this.#forget(next.numbers);
    }
  }

  #forget(numbers: readonly number[]): void {
    for (const number of numbers) this.#queue.forget(number);
  }

  /** Positions in order of the keys' first four bytes, which is order enough. */
  #sorted(numbers: readonly number[]): Uint32Array {
    // The bytes as one number and the position below them: numbers of a typed array sort without a callback.
    const ranks = Float64Array.from(numbers, (number, i) => bigEndian(this.#word0(number)) * POSITIONS + i);
    ranks.sort();
    return Uint32Array.from(ranks, (rank) => rank % POSITIONS);
  }

  #word0(number: number): number {
    return this.#row(number).key[rowOf(number) * 4] as number;
  }

  #keyWrite(number: number): Write {
    const at = rowOf(number) * 4;
    return completeKeyWrite(new Uint8Array(this.#row(number).key.slice(at, at + 4).buffer), number);
  }

  #row(number: number): TableChunk {
    const chunk = this.#queue.table.chunkOf(number);
    if (chunk === undefined)
      throw new Error(`the row of complete job ${number} is gone before its key was indexed`);
    return chunk;
  }
}

const POSITIONS = 2 ** 20;

function bigEndian(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
