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
import type { JobRecord } from '../core/job-record.ts';
import { EMPTY_RECORD } from '../core/job-record.ts';
import type { SegmentEntry } from '../core/segment-directory.ts';
import { STATE } from '../core/states.ts';
import { failBudgetWrite, learnedWrite } from '../store/group-tables.ts';
import { completionsWrite, doneWrite, unindexedWrite } from '../store/history-tables.ts';
import { type KeyValueStore, keyToU32, u32Key, type Write } from '../store/key-value.ts';
import {
  counterWrite,
  limitWrite,
  liveWrite,
  overlayWrite,
  readCounter,
  readRecord,
  recordWrite,
  repGroupWrite,
  suspendedWrite,
} from '../store/layout.ts';
import type { Clock } from './clock.ts';
import { hasDependencyWrites, pushDependencyWrites } from './dependency-writes.ts';
import { retallyWrites } from './found-under.ts';
import { pushReplacedWrites } from './replaced-writes.ts';

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
    while (!this.#halted && (this.#nudged || this.#isAwaited || this.#hasChanges())) {
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

  #hasChanges(): boolean {
    if (hasDependencyWrites(this.#queue.dependencies)) return true;
    const { changes, segments, repGroups, groups, cohorts, suspension, overlays } = this.#queue;
    const { changed: limits } = groups.limits;
    const { changed: usages } = cohorts.usages;
    const { changed: suspended } = suspension;
    const { changed: budgets } = this.#queue.failBudgets;
    const changed = [
      changes,
      segments.changed,
      repGroups.changed,
      repGroups.dropped,
      this.#queue.retallied,
      limits,
      budgets,
      usages,
      suspended,
      overlays,
    ];
    return this.#extra.length > 0 || changed.some(({ size }) => size > 0);
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
    const queue = this.#queue;
    const writes = this.#extra;
    this.#extra = [];
    const settled = this.#collectRecords(writes);
    const finished = queue.finished.splice(0);
    const completed = finished.filter((number) => queue.table.state(number) === STATE.complete);
    const removed = finished.filter((number) => queue.table.state(number) === STATE.removed);
    if (completed.length > 0) {
      writes.push(unindexedWrite(this.#nextBatch, completed));
      writes.push(completionsWrite(this.#clock.nowMs(), this.#nextBatch, completed));
    }
    pushReplacedWrites(writes, queue, this.#store, completed, removed);
    const seen = pushDependencyWrites(writes, queue, completed);
    const emptied: SegmentEntry[] = [];
    for (const entry of queue.segments.changed) {
      writes.push(
        liveWrite(entry.first, entry.remaining === 0 ? null : (entry.finished as Uint8Array).slice()),
      );
      if (entry.remaining === 0) emptied.push(entry);
    }
    queue.segments.changed.clear();
    for (const entry of queue.suspension.changed)
      writes.push(suspendedWrite(entry.first, queue.suspension.bits(entry)));
    queue.suspension.changed.clear();
    const overlaid = [...queue.overlays.keys()];
    for (const [segment, overlay] of queue.overlays) writes.push(overlayWrite(segment, overlay));
    if (overlaid.length > 0)
      writes.push(counterWrite('overlays', readCounter(this.#store, 'overlays', 0) + 1));
    queue.overlays.clear();
    for (const id of queue.repGroups.changed) writes.push(repGroupWrite(id, queue.repGroups.save(id)));
    queue.repGroups.changed.clear();
    for (const entry of queue.retallied) writes.push(...retallyWrites(queue, this.#store, entry));
    queue.retallied.clear();
    for (const id of queue.repGroups.dropped) writes.push(repGroupWrite(id, null));
    queue.repGroups.dropped.clear();
    const { limits } = queue.groups;
    const limitNames = [...limits.changed];
    for (const name of limitNames) writes.push(limitWrite(name, limits.limit(name)));
    limits.changed.clear();
    const { failBudgets } = queue;
    for (const id of failBudgets.changed)
      writes.push(failBudgetWrite(queue.repGroups.name(id), failBudgets.get(id)));
    failBudgets.changed.clear();
    for (const usage of queue.cohorts.usages.changed) writes.push(learnedWrite(usage.save()));
    queue.cohorts.usages.changed.clear();
    return { writes, emptied, completed, removed, settled, limits: limitNames, seen, overlaid };
  }

  #emptiedBy(removed: readonly number[]): readonly SegmentEntry[] {
    const entries = new Set<SegmentEntry>();
    for (const number of removed) {
      const entry = this.#queue.segments.find(number);
      if (entry?.remaining === 0) entries.add(entry);
    }
    return [...entries];
  }

  /** @returns the jobs to which nothing more happens by itself */
  #collectRecords(writes: Write[]): readonly number[] {
    const { changes } = this.#queue;
    const settled: number[] = [];
    const removed: number[] = [];
    for (const [number, change] of changes) {
      const record = 'record' in change ? change.record : this.#patched(number, change.patch);
      if (SETTLED.has(record.state)) settled.push(number);
      if (record.state === STATE.removed) removed.push(number);
      else pushRecord(writes, number, record);
    }
    changes.clear();
    for (const number of this.#recorded(removed)) writes.push(recordWrite(number, null));
    return settled;
  }

  /**
   * Those of some jobs that have a record, or all of these: of a million that were never touched there is nothing to delete, and
   * to look costs less.
   */
  #recorded(numbers: readonly number[]): readonly number[] {
    if (numbers.length === 0) return numbers;
    const [first, last] = boundsOf(numbers);
    const found = new Set<number>();
    this.#store.refresh();
    const range = { from: u32Key(first), to: u32Key(last + 1), limit: numbers.length };
    for (const { key } of this.#store.range('records', range)) found.add(keyToU32(key));
    return found.size === numbers.length ? numbers : numbers.filter((number) => found.has(number));
  }

  #patched(number: number, patch: Partial<JobRecord>): JobRecord {
    return { ...(readRecord(this.#store, number) ?? EMPTY_RECORD), ...patch };
  }
}

interface Batch {
  readonly writes: Write[];
  readonly emptied: readonly SegmentEntry[];
  readonly completed: readonly number[];
  readonly removed: readonly number[];
  readonly settled: readonly number[];
  readonly limits: readonly string[];
  /** Nodes of groups that are written as seen. */
  readonly seen: readonly number[];
  /** Segments whose jobs were changed. */
  readonly overlaid: readonly number[];
}

const SETTLED: ReadonlySet<number> = new Set([STATE.complete, STATE.buried, STATE.removed]);

/** The least and the greatest. */
function boundsOf(numbers: readonly number[]): readonly [number, number] {
  let [first, last] = [numbers[0] as number, numbers[0] as number];
  for (const number of numbers) {
    if (number < first) first = number;
    if (number > last) last = number;
  }
  return [first, last];
}

function pushRecord(writes: Write[], number: number, record: JobRecord): void {
  if (record.state === STATE.complete) {
    writes.push(doneWrite(number, record), recordWrite(number, null));
  } else writes.push(recordWrite(number, record));
}
