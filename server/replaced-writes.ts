/** Further runs of complete commands on disk: what the add that brings them, and what their end leaves. */
import { reclaim } from '../core/claims.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { dropDependantWrite } from '../store/dependency-tables.ts';
import { dropDoneWrite, readDone } from '../store/history-tables.ts';
import type { KeyValueStore, Write } from '../store/key-value.ts';
import { repGroupWrite, replacedWrite } from '../store/layout.ts';

/** A new job, the complete one it is a further run of, and where each is counted. */
export interface Replacement {
  readonly by: number;
  readonly number: number;
  readonly tally: number;
  /** Of the new one: it is found under the groups of both. */
  readonly newTally: number;
}

/** The complete jobs count no longer; the writes belong to the add. */
export function replace({ replaced, repGroups }: JobQueue, pairs: readonly Replacement[]): Write[] {
  const tallies = new Set<number>();
  for (const { by, number, tally, newTally } of pairs) {
    replaced.add(by, { number, tally });
    repGroups.withhold(tally, 1);
    repGroups.uncount(tally, 1);
    tallies.add(tally).add(newTally);
  }
  return [
    ...pairs.map(({ by, number, tally }) => replacedWrite(number, { number: by, tally })),
    ...Array.from(tallies, (id) => repGroupWrite(id, repGroups.save(id))),
  ];
}

/** The add failed. */
export function unreplace({ replaced, repGroups }: JobQueue, pairs: readonly Replacement[]): void {
  for (const { by, tally } of pairs) {
    if (replaced.take(by) === undefined) continue;
    repGroups.withhold(tally, -1);
    repGroups.uncount(tally, -1);
  }
}

/** New jobs have ended: the earlier completion goes with the next one, and stays when the new job was removed. */
export function pushReplacedWrites(
  writes: Write[],
  queue: JobQueue,
  store: KeyValueStore,
  completed: readonly number[],
  removed: readonly number[],
): void {
  const { replaced, repGroups, dependencies } = queue;
  if (replaced.size === 0) return;
  for (const by of completed) {
    const run = replaced.take(by);
    if (run === undefined) continue;
    const record = readDone(store, run.number);
    if (record !== undefined) repGroups.withdrawCompletion(run.tally, record);
    repGroups.withhold(run.tally, -1);
    writes.push(replacedWrite(run.number, null), dropDoneWrite(run.number));
    for (const hash of dependencies.groupsWaitedFor(by)) writes.push(dropDependantWrite(hash, run.number));
  }
  for (const by of removed) {
    const run = replaced.take(by);
    if (run === undefined) continue;
    repGroups.withhold(run.tally, -1);
    repGroups.uncount(run.tally, -1);
    writes.push(replacedWrite(run.number, null));
    queue.keys.remove(by);
    reclaim(queue, run.number);
  }
}
