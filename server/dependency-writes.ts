/** What the end of jobs leaves on disk of their dependencies, in the transaction that tells of the end. */
import { asWords } from '../core/claims.ts';
import type { Dependencies } from '../core/dependencies.ts';
import { JOB_FLAG } from '../core/job-flags.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf } from '../core/job-table.ts';
import { dependantWrites, seenWrite, unseenWrite } from '../store/dependency-tables.ts';
import type { Write } from '../store/key-value.ts';

export function hasDependencyWrites({ toSave, unseenGone }: Dependencies): boolean {
  return toSave.length > 0 || unseenGone.length > 0;
}

/**
 * Groups that closed are written as seen, and complete jobs under the groups that they waited for.
 * @returns the nodes of the groups, to be told when they are on disk
 */
export function pushDependencyWrites(
  writes: Write[],
  queue: JobQueue,
  completed: readonly number[],
): readonly number[] {
  const { dependencies, table } = queue;
  for (const number of completed) {
    if (((table.chunkOf(number)?.flags[rowOf(number)] ?? 0) & JOB_FLAG.waits) === 0) continue;
    for (const hash of dependencies.groupsWaitedFor(number)) writes.push(...dependantWrites(hash, number));
  }
  const seen = dependencies.toSave;
  dependencies.toSave = [];
  for (const node of seen) writes.push(seenWrite(dependencies.nodes.hash(node)));
  const gone = dependencies.unseenGone;
  dependencies.unseenGone = [];
  for (const hash of gone) {
    const [h0 = 0, h1 = 0, h2 = 0, h3 = 0] = asWords(hash);
    // Unless someone has begun to wait for it again.
    if (dependencies.nodes.find(h0, h1, h2, h3) === 0) writes.push(unseenWrite(hash, false));
  }
  return seen;
}
