/**
 * The archive: keys of complete jobs move from memory to the index on disk, in sorted batches, in the background.
 *
 * A B-tree of random keys is dear to write one at a time (design §3), so completions wait here until there are many. An
 * add looks archived keys up in a worker, before it claims; a batch therefore leaves memory only once every add has ended
 * that may have looked before the batch was on disk.
 */
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf, type TableChunk } from '../core/job-table.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import { completeKeyWrite, unindexedWrite } from '../store/layout.ts';
import type { AddPart } from './add-commit.ts';
import type { Clock } from './clock.ts';
import type { Tasks } from './tasks.ts';

/** Sorted together: neighbours share pages of the B-tree. Fewer than 2^20, see `sorted`. */
const BATCH_JOBS = 32_768;
/** Written together: a transaction of thousands of scattered pages would hold up everyone's next flush. */
const CHUNK_JOBS = 96;
const BATCH_WAIT_MS = 1_000;
const RETRY_MS = 5_000;

/** What one commit completed. */
interface Completions {
  readonly batch: number;
  readonly numbers: readonly number[];
}

export class Archive {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #tasks: Tasks;
  readonly #clock: Clock;
  /** On disk as complete, not in the index yet. */
  #waiting: Completions[] = [];
  #waitingJobs = 0;
  #timer: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  /** Index batches written so far. */
  #generation = 0;
  /** Generations at which adds under way began. */
  readonly #entered = new Map<number, number>();
  /** In the index, and still in memory. */
  readonly #evictable: { readonly generation: number; readonly numbers: readonly number[] }[] = [];
  #indexed: boolean;

  constructor(queue: JobQueue, store: KeyValueStore, tasks: Tasks, clock: Clock) {
    this.#queue = queue;
    this.#store = store;
    this.#tasks = tasks;
    this.#clock = clock;
    this.#indexed = store.count('keys') > 0;
  }

  /** An add begins. @returns what it must hand to {@link leave} */
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
    return Promise.all(
      parts.map(async (part) => ({ ...part, inHistory: await this.#tasks.inHistory(part.keys) })),
    );
  }

  completed(batch: number, numbers: readonly number[]): void {
    this.#waiting.push({ batch, numbers });
    this.#waitingJobs += numbers.length;
    if (this.#waitingJobs >= BATCH_JOBS) this.#start();
    else this.#timer ??= this.#clock.after(BATCH_WAIT_MS, () => this.#start());
  }

  /** Removed jobs leave memory at once: adding them again is a new job. */
  removed(numbers: readonly number[]): void {
    this.#forget(numbers);
  }

  /** Resolves when everything handed over so far is in the index; for a clean stop and tests. */
  async settle(): Promise<void> {
    while (this.#waiting.length > 0 || this.#writing !== undefined) {
      this.#start();
      await this.#writing;
    }
  }

  #start(): void {
    this.#timer?.();
    this.#timer = undefined;
    if (this.#writing !== undefined || this.#waiting.length === 0) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#waitingJobs >= BATCH_JOBS) this.#start();
      else if (this.#waiting.length > 0)
        this.#timer ??= this.#clock.after(BATCH_WAIT_MS, () => this.#start());
    });
  }

  async #write(): Promise<void> {
    const batches = this.#takeWaiting();
    const numbers = batches.flatMap((batch) => batch.numbers);
    try {
      const order = this.#sorted(numbers);
      for (let at = 0; at < order.length; at += CHUNK_JOBS) {
        const chunk = order.subarray(at, at + CHUNK_JOBS);
        await this.#store.commit(Array.from(chunk, (i) => this.#keyWrite(numbers[i] as number)));
      }
      await this.#store.commit(batches.map(({ batch }) => unindexedWrite(batch, null)));
    } catch {
      // They stay known as complete in memory; the disk may have room later. The hot path reports the trouble.
      this.#waiting = [...batches, ...this.#waiting];
      this.#waitingJobs += numbers.length;
      await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
      return;
    }
    this.#indexed = true;
    this.#generation += 1;
    this.#evictable.push({ generation: this.#generation, numbers });
    this.#evict();
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
    for (const number of numbers) {
      this.#queue.keys.remove(number);
      this.#queue.table.occupy(number, -1);
    }
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
