/**
 * From the database back to the queue: the counters of all report groups, limits and LSF job ids, however old; the live
 * segments' keys, the records of jobs that were touched, and the templates that these have. Complete jobs are not read, but for the
 * few whose keys were not indexed when the manager died.
 */
import { type BsubRun, hasLive } from '../core/bsub-ids.ts';
import { asWords } from '../core/claims.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { CHUNK_ROWS, rowOf } from '../core/job-table.ts';
import type { Segment } from '../core/segment.ts';
import { isMarked } from '../core/segment-directory.ts';
import { isLive, STATE } from '../core/states.ts';
import type { Template } from '../core/templates.ts';
import { readLinks } from '../store/dependency-tables.ts';
import { readFailBudgets } from '../store/group-tables.ts';
import { readDone, readUnindexed } from '../store/history-tables.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import {
  dropBsubRunWrite,
  dropSegmentWrite,
  findInDirectory,
  groupsWithin,
  nextTemplateId,
  readBsubRuns,
  readCounter,
  readDirectory,
  readLimits,
  readLive,
  readRecords,
  readRepGroups,
  readReplaced,
  readSegment,
  readStaged,
  readSuspended,
  readTemplate,
  replacedWrite,
  stagedWrite,
} from '../store/layout.ts';
import { readTallies } from '../store/tallies.ts';
import { type Clock, momentOf, Slices } from './clock.ts';
import { type LinkedRows, type Run, recoverDependencies } from './recover-dependencies.ts';

/** Rows put back between two looks at the clock. */
const ROWS_PER_STEP = 4_096;
const NO_BITS = new Uint8Array(0);

/** Jobs of the queue whose segments are not in the database: damage, which a start tells and does not hide. */
export interface MissingJobs {
  readonly jobs: number;
  readonly segments: number;
  /** Under which they were added. */
  readonly repGroups: readonly string[];
}

export interface Recovered {
  readonly nextSegment: number;
  readonly nextAttempt: number;
  /** Completions to be indexed, by batch. */
  readonly unindexed: readonly { readonly batch: number; readonly numbers: readonly number[] }[];
  /** `null`: all are there. */
  readonly missing: MissingJobs | null;
}

/**
 * Fills an empty queue.
 * @param progress - called now and then with the jobs put back so far
 */
export async function recover(
  store: KeyValueStore,
  queue: JobQueue,
  clock: Clock,
  progress: (jobs: number) => void,
): Promise<Recovered> {
  await dropLeftovers(store);
  for (const { id, saved } of readRepGroups(store)) queue.repGroups.restore(id, saved);
  queue.templates.source = (id) => readTemplate(store, id);
  queue.templates.startAt(nextTemplateId(store));
  queue.table.raiseEnd(readCounter(store, 'nextNumber', 1));
  for (const { repGroup, budget } of readFailBudgets(store))
    queue.failBudgets.restore(queue.repGroups.intern(repGroup), budget);
  for (const { name, limit } of readLimits(store)) queue.groups.limits.restore(name, limit);
  const { linked, missing } = await recoverSegments(store, queue, clock, progress);
  if (linked.length > 0) await recoverDependencies(store, queue, clock, linked);
  await recoverReplaced(store, queue);
  await recoverRecords(store, queue, clock);
  await recoverSuspended(store, queue, clock); // Last: what is suspended is what it was before, held back.
  await recoverTallies(store, queue, clock);
  queue.groups.limits.recovered();
  await recoverBsubIds(store, queue);
  return {
    nextSegment: readCounter(store, 'nextSegment', 1),
    nextAttempt: readCounter(store, 'nextAttempt', 1),
    unindexed: recoverUnindexed(store, queue),
    missing: missing.size === 0 ? null : missingJobs(store, queue, missing),
  };
}

/** Complete jobs whose commands are in the queue again. What an add wrote of them that never came to its end is dropped. */
async function recoverReplaced(store: KeyValueStore, queue: JobQueue): Promise<void> {
  const left: Write[] = [];
  for (const { number, by, tally } of readReplaced(store)) {
    if (queue.segments.isFinished(by)) {
      left.push(replacedWrite(number, null));
      continue;
    }
    queue.replaced.add(by, { number, tally });
    queue.repGroups.withhold(tally, 1);
  }
  if (left.length > 0) await store.commit(left);
}

/** What adds left behind that never came to their end. */
async function dropLeftovers(store: KeyValueStore): Promise<void> {
  const writes: Write[] = [];
  for (const segment of readStaged(store))
    writes.push(dropSegmentWrite(segment), stagedWrite(segment, false));
  if (writes.length > 0) await store.commit(writes);
}

interface RecoveredSegments {
  /** Those whose jobs wait or are waited for: their rows have no state yet. */
  readonly linked: readonly LinkedRows[];
  /** Those that are not there: by first number, how many of their jobs had not ended. */
  readonly missing: ReadonlyMap<number, number>;
}

async function recoverSegments(
  store: KeyValueStore,
  queue: JobQueue,
  clock: Clock,
  progress: (jobs: number) => void,
): Promise<RecoveredSegments> {
  const slices = new Slices(clock);
  const linked: LinkedRows[] = [];
  const missing = new Map<number, number>();
  const hasLinks = store.count('links') > 0;
  const live = [...readLive(store)].map(({ first, finished }) => ({
    first,
    bits: finished.byteLength === 0 ? null : finished.slice(),
    entry: readDirectory(store, first),
  }));
  queue.keys.expect(live.reduce((sum, { entry }) => sum + (entry?.count ?? 0), 0));
  let jobs = 0;
  for (const { first, bits, entry } of live) {
    const segment = entry === undefined ? undefined : readSegment(store, entry.segment);
    if (entry === undefined || segment === undefined) {
      missing.set(first, (entry?.count ?? 0) - markedNumbers(first, bits ?? NO_BITS).length);
      continue; // It stays among the live ones, so that the next start tells it again.
    }
    const { count } = entry;
    const words = asWords(segment.keys);
    const links = hasLinks ? readLinks(store, first) : undefined;
    const runs: Run[] = [];
    const restore = (from: number, to: number): void => {
      describeRun(queue, segment, first, from, to);
      if (links === undefined) activateRun(queue, segment, first, from, to);
      else runs.push({ first: first + from, count: to - from, template: segment.templateId(from) });
    };
    let remaining = 0;
    for (let from = 0; from < count; from += ROWS_PER_STEP) {
      const to = Math.min(count, from + ROWS_PER_STEP);
      remaining += recoverRows(queue, segment, first, bits, from, to, words, restore);
      await slices.pause();
    }
    if (links !== undefined) linked.push({ first, links, runs, mixed: segment.hasPriorities });
    queue.segments.add({ first, count, segment: entry.segment, finished: bits, remaining });
    jobs += remaining;
    progress(jobs);
  }
  return { linked, missing };
}

function missingJobs(
  store: KeyValueStore,
  queue: JobQueue,
  missing: ReadonlyMap<number, number>,
): MissingJobs {
  const groups = groupsWithin(store, new Set(missing.keys()));
  return {
    jobs: [...missing.values()].reduce((sum, jobs) => sum + jobs, 0),
    segments: missing.size,
    repGroups: groups.map((id) => queue.repGroups.name(id)).sort(),
  };
}

/** Puts back rows `from`…`to` of a segment, but for finished ones. @returns how many */
function recoverRows(
  queue: JobQueue,
  segment: Segment,
  first: number,
  bits: Uint8Array | null,
  from: number,
  to: number,
  words: Uint32Array,
  restore: (from: number, to: number) => void,
): number {
  let restored = 0;
  let run = from;
  const flush = (end: number): void => {
    if (end <= run) return;
    writeKeys(queue, first, words, run, end);
    restore(run, end);
    restored += end - run;
  };
  for (let i = from; i < to; i += 1) {
    if (isMarked(bits, i)) {
      flush(i);
      run = i + 1;
      continue;
    }
    if (i > run && !segment.isLike(i, run)) {
      flush(i);
      run = i;
    }
  }
  flush(to);
  return restored;
}

function describeRun(queue: JobQueue, segment: Segment, first: number, from: number, to: number): void {
  const template: Template = queue.templates.get(segment.templateId(from));
  let priorities: Uint8Array | null = null;
  if (segment.hasPriorities) {
    priorities = Uint8Array.from(
      { length: to - from },
      (_, i) => segment.priority(from + i) ?? template.options.priority,
    );
  }
  queue.describe(first + from, to - from, template, priorities);
}

function activateRun(queue: JobQueue, segment: Segment, first: number, from: number, to: number): void {
  const template = queue.templates.get(segment.templateId(from));
  queue.activate(first + from, to - from, template, segment.hasPriorities);
}

/** Gives jobs `from`…`to` of a segment their keys. */
function writeKeys(queue: JobQueue, first: number, words: Uint32Array, from: number, to: number): void {
  for (let i = from; i < to; ) {
    const { key } = queue.table.chunkFor(first + i);
    const row = rowOf(first + i);
    const rows = Math.min(to - i, CHUNK_ROWS - row);
    key.set(words.subarray(4 * i, 4 * (i + rows)), row * 4);
    i += rows;
  }
  queue.table.occupy(first + from, to - from);
  for (let i = from; i < to; i += 1) {
    const at = 4 * i;
    queue.keys.claim(
      first + i,
      words[at] as number,
      words[at + 1] as number,
      words[at + 2] as number,
      words[at + 3] as number,
    );
  }
}

/** As what a job is put back before its record is read. */
const WAITING: ReadonlySet<number> = new Set([STATE.ready, STATE.dependent]);

async function recoverRecords(store: KeyValueStore, queue: JobQueue, clock: Clock): Promise<void> {
  const slices = new Slices(clock);
  const now = momentOf(clock);
  for (const { number, record } of readRecords(store)) {
    if (WAITING.has(queue.table.state(number))) queue.recover(number, record, now);
    await slices.pause();
  }
}

/** Jobs that are found under several report groups are counted there. */
async function recoverTallies(store: KeyValueStore, queue: JobQueue, clock: Clock): Promise<void> {
  if (store.count('tallies') === 0) return;
  const slices = new Slices(clock);
  for (const { first, count } of queue.segments.entries()) {
    readTallies(store, first, count)?.forEach((tally, i) => {
      if (tally !== 0 && isLive(queue.table.state(first + i))) queue.retally(first + i, tally);
    });
    await slices.pause();
  }
}

/** LSF job ids of what is still wanted; the others are forgotten. */
async function recoverBsubIds(store: KeyValueStore, queue: JobQueue): Promise<void> {
  const live: BsubRun[] = [];
  const gone: Write[] = [];
  for (const run of readBsubRuns(store)) {
    if (hasLive(run, (number) => isLive(queue.table.state(number)))) live.push(run);
    else gone.push(dropBsubRunWrite(run.first));
  }
  queue.bsub.restore(live, readCounter(store, 'nextBsubId', 1));
  if (gone.length > 0) await store.commit(gone);
}

async function recoverSuspended(store: KeyValueStore, queue: JobQueue, clock: Clock): Promise<void> {
  const slices = new Slices(clock);
  for (const { first, bits } of readSuspended(store)) {
    const numbers = markedNumbers(first, bits);
    for (let at = 0; at < numbers.length; ) {
      at = queue.suspension.suspend(numbers, at).next;
      await slices.pause();
    }
  }
  queue.suspension.changed.clear();
}

function markedNumbers(first: number, bits: Uint8Array): Uint32Array {
  const numbers: number[] = [];
  for (let i = 0; i < bits.length * 8; i += 1) if (isMarked(bits, i)) numbers.push(first + i);
  return Uint32Array.from(numbers);
}

/** Rows for completions whose keys are not in the index yet, so that nobody takes their commands for new ones. */
function recoverUnindexed(store: KeyValueStore, queue: JobQueue): Recovered['unindexed'] {
  return Array.from(readUnindexed(store), ({ batch, numbers }) => ({
    batch,
    numbers: numbers.filter((number) => recoverCompletion(store, queue, number)),
  }));
}

/** @returns false when there is nothing to be indexed of it */
function recoverCompletion(store: KeyValueStore, queue: JobQueue, number: number): boolean {
  // One that was run again and completed since has no record any more: the later one has the key.
  if (readDone(store, number) === undefined) return false;
  const entry = findInDirectory(store, number);
  const segment = entry === undefined ? undefined : readSegment(store, entry.segment);
  if (entry === undefined || segment === undefined) return false;
  const at = number - entry.first;
  writeKeys(queue, entry.first, asWords(segment.keys), at, at + 1);
  const chunk = queue.table.chunkFor(number);
  chunk.state[rowOf(number)] = STATE.complete;
  queue.describe(number, 1, queue.templates.get(segment.templateId(at)), null);
  queue.templates.retain(segment.templateId(at), 1);
  return true;
}
