/**
 * Commands that are found under several report groups (jobs.md §4): those that were run again under another, and those in the
 * queue that were asked for again with `--rerun`. Where each is counted goes to disk with what made it so.
 */
import type { JobQueue } from '../core/job-queue.ts';
import type { SegmentEntry } from '../core/segment-directory.ts';
import { isLive } from '../core/states.ts';
import type { KeyValueReader, Write } from '../store/key-value.ts';
import { groupSegmentWrite, repGroupWrite } from '../store/layout.ts';
import { readTallies, talliesWrite } from '../store/tallies.ts';
import type { Tallied } from '../workers/tallied.ts';
import type { Replacement } from './replaced-writes.ts';

/**
 * @param pairs - a new job and the complete one that it is a further run of, by turns
 * @param tallied - of the complete ones
 */
export function* replacements(queue: JobQueue, pairs: Uint32Array, tallied: Tallied): Iterable<Replacement> {
  const { repGroups } = queue;
  const ids = tallied.names.map((name) => repGroups.intern(name));
  for (let i = 0; i < tallied.sets.length; i += 1) {
    const tally = (tallied.sets[i] as number) || (ids[tallied.nameIndex[i] as number] as number);
    const by = pairs[2 * i] as number;
    const newTally = repGroups.internSet(queue.templateOf(by).repGroup, repGroups.groupsOf(tally));
    yield { by, number: pairs[2 * i + 1] as number, tally, newTally };
  }
}

/** What makes the jobs of a new segment found under the groups of their earlier runs. @param pairs - ascending */
export function newTallyWrites(
  queue: JobQueue,
  first: number,
  count: number,
  pairs: readonly Replacement[],
): Write[] {
  const tallies = new Uint32Array(count);
  for (const { by, newTally } of within(pairs, first, count))
    if (newTally !== queue.templateOf(by).repGroup) tallies[by - first] = newTally;
  return tallies.some((tally) => tally !== 0) ? segmentWrites(queue, first, tallies) : [];
}

/** The same in memory, once the jobs have a state. */
export function retallyNew(
  queue: JobQueue,
  first: number,
  count: number,
  pairs: readonly Replacement[],
): void {
  for (const { by, newTally } of within(pairs, first, count))
    if (newTally !== queue.tallyOf(by)) queue.retally(by, newTally);
}

/** A job in the queue is found under one more group; written with the next commit. */
export function findAlsoUnder(queue: JobQueue, number: number, repGroup: number): void {
  const { repGroups } = queue;
  if (!isLive(queue.table.state(number))) return;
  const groups = repGroups.groupsOf(queue.tallyOf(number));
  if (groups.includes(repGroup)) return;
  const tally = repGroups.internSet(queue.templateOf(number).repGroup, [...groups, repGroup]);
  queue.retally(number, tally);
  const entry = queue.segments.find(number);
  if (entry !== undefined) queue.retallied.add(entry);
}

/** Where the jobs in memory of a segment are counted now, laid over what the disk knows of the others. */
export function retallyWrites(
  queue: JobQueue,
  store: KeyValueReader,
  { first, count }: SegmentEntry,
): Write[] {
  const tallies = readTallies(store, first, count) ?? new Uint32Array(count);
  for (let i = 0; i < count; i += 1) {
    if (!isLive(queue.table.state(first + i))) continue;
    const tally = queue.tallyOf(first + i);
    tallies[i] = queue.repGroups.groupsOf(tally).length > 1 ? tally : 0;
  }
  return segmentWrites(queue, first, tallies);
}

function segmentWrites({ repGroups }: JobQueue, first: number, tallies: Uint32Array): Write[] {
  const sets = new Set(tallies);
  sets.delete(0);
  const groups = new Set<number>();
  for (const set of sets) for (const group of repGroups.groupsOf(set)) groups.add(group);
  return [
    talliesWrite(first, tallies),
    ...Array.from(sets, (set) => repGroupWrite(set, repGroups.save(set))),
    ...Array.from(groups, (group) => groupSegmentWrite(group, first)),
  ];
}

/** The pairs whose new job is one of these. */
function within(pairs: readonly Replacement[], first: number, count: number): readonly Replacement[] {
  const from = indexFrom(pairs, first);
  return pairs.slice(from, indexFrom(pairs, first + count));
}

/** Of the first pair whose new job has this number or a higher one. */
function indexFrom(pairs: readonly Replacement[], number: number): number {
  let low = 0;
  let high = pairs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pairs[middle] as Replacement).by < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
