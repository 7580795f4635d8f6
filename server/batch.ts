/** What one group commit takes to disk: everything that changed in the queue since the one before it, as writes. */
import type { JobQueue } from '../core/job-queue.ts';
import { EMPTY_RECORD, type JobRecord } from '../core/job-record.ts';
import type { SegmentEntry } from '../core/segment-directory.ts';
import { STATE } from '../core/states.ts';
import { failBudgetWrite, learnedWrite } from '../store/group-tables.ts';
import { completionsWrite, doneWrite, unindexedWrite } from '../store/history-tables.ts';
import { type KeyValueReader, keyToU32, u32Key, type Write } from '../store/key-value.ts';
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
import { hasDependencyWrites, pushDependencyWrites } from './dependency-writes.ts';
import { retallyWrites } from './found-under.ts';
import { pushReplacedWrites } from './replaced-writes.ts';

/** Writes, and what becomes true with them. */
export interface Batch {
  readonly writes: Write[];
  /** Segments that have no more jobs in the queue. */
  readonly emptied: readonly SegmentEntry[];
  readonly completed: readonly number[];
  readonly removed: readonly number[];
  /** Jobs to which nothing more happens by itself. */
  readonly settled: readonly number[];
  readonly limits: readonly string[];
  /** Nodes of groups that are written as seen. */
  readonly seen: readonly number[];
  /** Segments whose jobs were changed. */
  readonly overlaid: readonly number[];
}

export interface BatchOf {
  readonly queue: JobQueue;
  /** What is on disk now. */
  readonly store: KeyValueReader;
  /** Of the jobs that complete with it. */
  readonly number: number;
  readonly nowMs: number;
  /** Writes of others, which come first. */
  readonly extra: Write[];
}

const SETTLED: ReadonlySet<number> = new Set([STATE.complete, STATE.buried, STATE.removed]);

export function hasChanges(queue: JobQueue): boolean {
  if (hasDependencyWrites(queue.dependencies)) return true;
  const changed = [
    queue.changes,
    queue.segments.changed,
    queue.repGroups.changed,
    queue.repGroups.dropped,
    queue.retallied,
    queue.groups.limits.changed,
    queue.failBudgets.changed,
    queue.cohorts.usages.changed,
    queue.suspension.changed,
    queue.overlays,
  ];
  return changed.some(({ size }) => size > 0);
}

/** Takes what changed out of the queue's lists of changes. */
export function collectBatch({ queue, store, number, nowMs, extra: writes }: BatchOf): Batch {
  const settled = pushRecords(writes, queue, store);
  const finished = queue.finished.splice(0);
  const completed = finished.filter((each) => queue.table.state(each) === STATE.complete);
  const removed = finished.filter((each) => queue.table.state(each) === STATE.removed);
  if (completed.length > 0)
    writes.push(unindexedWrite(number, completed), completionsWrite(nowMs, number, completed));
  pushReplacedWrites(writes, queue, store, completed, removed);
  const seen = pushDependencyWrites(writes, queue, completed);
  const emptied = pushSegments(writes, queue);
  const overlaid = pushOverlays(writes, queue, store);
  pushRepGroups(writes, queue, store);
  const limits = pushLimits(writes, queue);
  for (const usage of queue.cohorts.usages.changed) writes.push(learnedWrite(usage.save()));
  queue.cohorts.usages.changed.clear();
  return { writes, emptied, completed, removed, settled, limits, seen, overlaid };
}

// ------------------------------------------------------------ records

/** @returns the jobs to which nothing more happens by itself */
function pushRecords(writes: Write[], { changes }: JobQueue, store: KeyValueReader): readonly number[] {
  const settled: number[] = [];
  const removed: number[] = [];
  for (const [number, change] of changes) {
    const record = 'record' in change ? change.record : patched(store, number, change.patch);
    if (SETTLED.has(record.state)) settled.push(number);
    if (record.state === STATE.removed) removed.push(number);
    else pushRecord(writes, number, record);
  }
  changes.clear();
  for (const number of recorded(removed, store)) writes.push(recordWrite(number, null));
  return settled;
}

function pushRecord(writes: Write[], number: number, record: JobRecord): void {
  if (record.state === STATE.complete) writes.push(doneWrite(number, record), recordWrite(number, null));
  else writes.push(recordWrite(number, record));
}

function patched(store: KeyValueReader, number: number, patch: Partial<JobRecord>): JobRecord {
  return { ...(readRecord(store, number) ?? EMPTY_RECORD), ...patch };
}

/**
 * Those of some jobs that have a record, or all of these: of a million that were never touched there is nothing to delete, and
 * to look costs less.
 */
function recorded(numbers: readonly number[], store: KeyValueReader): readonly number[] {
  if (numbers.length === 0) return numbers;
  const [first, last] = boundsOf(numbers);
  const found = new Set<number>();
  store.refresh();
  const range = { from: u32Key(first), to: u32Key(last + 1), limit: numbers.length };
  for (const { key } of store.range('records', range)) found.add(keyToU32(key));
  return found.size === numbers.length ? numbers : numbers.filter((number) => found.has(number));
}

/** The least and the greatest. */
function boundsOf(numbers: readonly number[]): readonly [number, number] {
  let [first, last] = [numbers[0] as number, numbers[0] as number];
  for (const number of numbers) {
    if (number < first) first = number;
    if (number > last) last = number;
  }
  return [first, last];
}

// ------------------------------------------------------------ segments

/** @returns those that have no more jobs in the queue */
function pushSegments(writes: Write[], { segments, suspension }: JobQueue): SegmentEntry[] {
  const emptied: SegmentEntry[] = [];
  for (const entry of segments.changed) {
    const isEmpty = entry.remaining === 0;
    writes.push(liveWrite(entry.first, isEmpty ? null : (entry.finished as Uint8Array).slice()));
    if (isEmpty) emptied.push(entry);
  }
  segments.changed.clear();
  for (const entry of suspension.changed) writes.push(suspendedWrite(entry.first, suspension.bits(entry)));
  suspension.changed.clear();
  return emptied;
}

/** @returns ids of the segments whose jobs were changed */
function pushOverlays(writes: Write[], { overlays }: JobQueue, store: KeyValueReader): number[] {
  const overlaid = [...overlays.keys()];
  for (const [segment, overlay] of overlays) writes.push(overlayWrite(segment, overlay));
  // Readers that keep segments see by it that they have to read them again.
  if (overlaid.length > 0) writes.push(counterWrite('overlays', readCounter(store, 'overlays', 0) + 1));
  overlays.clear();
  return overlaid;
}

// ------------------------------------------------------------ groups

function pushRepGroups(writes: Write[], queue: JobQueue, store: KeyValueReader): void {
  const { repGroups, retallied, failBudgets } = queue;
  for (const id of repGroups.changed) writes.push(repGroupWrite(id, repGroups.save(id)));
  repGroups.changed.clear();
  for (const entry of retallied) writes.push(...retallyWrites(queue, store, entry));
  retallied.clear();
  for (const id of repGroups.dropped) writes.push(repGroupWrite(id, null));
  repGroups.dropped.clear();
  for (const id of failBudgets.changed) writes.push(failBudgetWrite(repGroups.name(id), failBudgets.get(id)));
  failBudgets.changed.clear();
}

/** @returns their names */
function pushLimits(writes: Write[], { groups: { limits } }: JobQueue): string[] {
  const names = [...limits.changed];
  for (const name of names) writes.push(limitWrite(name, limits.limit(name)));
  limits.changed.clear();
  return names;
}
