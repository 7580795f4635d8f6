/**
 * Group commit: the changes of everything that happened since the last flush go to disk together, and only then is
 * anyone told. One batch is under way at a time; what happens meanwhile makes up the next, so that batches grow with the
 * load and a flush is never waited for twice.
 *
 * A batch that a full disk refused is not dropped: the changes are true, only not on disk yet. It is tried again every second,
 * and until then nothing is acknowledged and nothing handed out (reliability.md c7, S21). After any other failure nobody knows what
 * the disk kept: the manager ends (life.ts), and the next one goes on from what is found there.
 */
import { asWrError, WrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { SegmentEntry } from '../core/segment-directory.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import { type Batch, collectBatch, hasChanges } from './batch.ts';
import type { Clock } from './clock.ts';

const RETRY_MS = 1_000;
/** Beside as many as complete in a commit, so that what waits grows less. */
const RIDERS_MIN = 32;
const NEVER = new Promise<never>(() => undefined);

export interface PersistEvents {
  /** A batch could not be written; said once for each cause until one succeeds again. */
  failing(error: WrError): void;
  recovered(): void;
  /** These jobs are complete on disk; their keys are not in the index of complete jobs yet. */
  completed(batch: number, numbers: readonly number[]): void;
  /** What was changed of these segments' jobs is on disk. */
  overlaid(segments: readonly number[]): void;
  /** These jobs are removed on disk. */
  removed(numbers: readonly number[]): void;
  /** The last jobs of these segments were removed, which is on disk. */
  emptied(entries: readonly SegmentEntry[]): void;
  /** Writes that go along: of the index of complete jobs. @param beside - how many jobs complete in the same commit; 0: nothing else is written */
  riders(beside: number): readonly Write[];
  /** The riders of the last commit are on disk. */
  ridden(): void;
  /** These jobs' records were written, as complete, buried or removed: nothing more happens to them by itself. Their rows are still there. */
  settled(numbers: readonly number[]): void;
}

export class Persist {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #events: PersistEvents;
  #callbacks: (() => void)[] = [];
  /** Who is told at once when nothing can be written. */
  #asking: ((failed: WrError | undefined) => void)[] = [];
  #extra: Write[] = [];
  #underWay = false;
  /** A commit is asked for although there may be nothing but riders. */
  #nudged = false;
  #scheduled = false;
  #halted = false;
  #failed: WrError | undefined;
  #nextBatch = 1;
  /** Batches and writes since the start, for tests and metrics. */
  batches = 0;
  writes = 0;

  constructor(queue: JobQueue, store: KeyValueStore, clock: Clock, events: PersistEvents) {
    this.#queue = queue;
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  /** At start: batches below this are in use. */
  startBatchesAt(batch: number): void {
    this.#nextBatch = batch;
  }

  /** Why nothing can be written now, if so. */
  get failure(): WrError | undefined {
    return this.#failed;
  }

  /** Calls back once everything changed so far is on disk. */
  after(callback: () => void): void {
    this.#callbacks.push(callback);
    this.#schedule();
  }

  /** As {@link after}. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.after(resolve));
  }

  /**
   * As {@link after}, but calls back with the cause as soon as nothing can be written: what was changed counts, goes to disk
   * when there is room, and is lost if the manager dies before.
   */
  afterOrFailing(callback: (failed: WrError | undefined) => void): void {
    this.#schedule();
    if (this.#failed === undefined) this.#asking.push(callback);
    else callback(this.#failed);
  }

  /** As {@link afterOrFailing}. */
  flushedOrFailing(): Promise<WrError | undefined> {
    return new Promise((resolve) => this.afterOrFailing(resolve));
  }

  /** As {@link flushed}, for a change that was asked for. @throws {WrError} NOT_DURABLE */
  async written(): Promise<void> {
    const failed = await this.flushedOrFailing();
    if (failed !== undefined) throw new WrError('NOT_DURABLE', failed.message, { cause: failed });
  }

  /** Before anything is changed. @throws {WrError} STORE_FULL: nothing can be written now */
  refuseIfFailing(): void {
    if (this.#failed !== undefined)
      throw new WrError(this.#failed.code, this.#failed.message, { cause: this.#failed });
  }

  /** Adds a write to the next batch; nobody need wait for it. */
  add(write: Write): void {
    this.#extra.push(write);
    this.#schedule();
  }

  /** Asks for a commit of riders alone. */
  nudge(): void {
    this.#nudged = true;
    this.#schedule();
  }

  /** Tells that the queue has changes, when no one waits for them. */
  note(): void {
    this.#schedule();
  }

  /** What is known may be half of something: nothing more is written, and nobody is told anything. */
  halt(): void {
    this.#halted = true;
  }

  #schedule(): void {
    if (this.#underWay || this.#scheduled || this.#halted) return;
    this.#scheduled = true;
    // Not at once: what else this turn of the event loop brings belongs to the same batch.
    void this.#clock.turn().then(() => {
      this.#scheduled = false;
      if (!this.#underWay) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#underWay = true;
    while (!this.#halted && (this.#nudged || this.#isAwaited || this.#hasChanges)) {
      this.#nudged = false;
      const callbacks = this.#callbacks;
      this.#callbacks = [];
      const asking = this.#asking;
      this.#asking = [];
      const { writes, emptied, completed, removed, settled, limits, seen, overlaid } = this.#collect();
      const hot = writes.length;
      writes.push(...this.#events.riders(hot === 0 ? 0 : RIDERS_MIN + completed.length));
      // A limit may have been written anew while this batch was tried again: then the last word is said once more.
      if (writes.length > 0 && !(await this.#commit(writes, asking)))
        for (const name of limits) this.#queue.groups.limits.changed.add(name);
      if (writes.length > hot) this.#events.ridden();
      if (overlaid.length > 0) this.#events.overlaid(overlaid);
      if (settled.length > 0) this.#events.settled(settled);
      if (completed.length > 0) this.#events.completed(this.#nextBatch++, completed);
      if (removed.length > 0) this.#events.removed(removed);
      if (removed.length > 0) this.#events.emptied(this.#emptiedBy(removed));
      if (seen.length > 0) this.#queue.dependencies.saved(seen);
      for (const entry of emptied) this.#queue.segments.drop(entry);
      this.batches += 1;
      this.writes += writes.length;
      for (const callback of callbacks) callback();
      for (const callback of asking) callback(undefined);
    }
    this.#underWay = false;
  }

  get #isAwaited(): boolean {
    return this.#callbacks.length + this.#asking.length > 0;
  }

  get #hasChanges(): boolean {
    return this.#extra.length > 0 || hasChanges(this.#queue);
  }

  /**
   * @param asking - emptied when it fails
   * @returns whether the first attempt succeeded
   */
  async #commit(
    writes: readonly Write[],
    asking: ((failed: WrError | undefined) => void)[],
  ): Promise<boolean> {
    for (let first = true; ; first = false) {
      try {
        await this.#store.commit(writes);
        const failed = this.#failed;
        this.#failed = undefined;
        if (failed !== undefined) this.#events.recovered();
        return first;
      } catch (thrown) {
        const error = asWrError(thrown);
        if (this.#halted) return await NEVER;
        if (this.#failed?.code !== error.code) this.#events.failing(error);
        this.#failed = error;
        for (const callback of [...asking.splice(0), ...this.#asking.splice(0)]) callback(error);
        await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
      }
    }
  }

  #collect(): Batch {
    const extra = this.#extra;
    this.#extra = [];
    const nowMs = this.#clock.nowMs();
    return collectBatch({ queue: this.#queue, store: this.#store, number: this.#nextBatch, nowMs, extra });
  }

  #emptiedBy(removed: readonly number[]): readonly SegmentEntry[] {
    const entries = new Set<SegmentEntry>();
    for (const number of removed) {
      const entry = this.#queue.segments.find(number);
      if (entry?.remaining === 0) entries.add(entry);
    }
    return [...entries];
  }
}
