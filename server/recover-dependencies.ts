/** Who waits for what, put back at a start from what is stored beside the segments: without a name and without history. */
import { type LinkColumns, RUN } from '../core/dependency-links.ts';
import { NODE } from '../core/dependency-nodes.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { readUnseen } from '../store/dependency-tables.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import { type Clock, Slices } from './clock.ts';

/** Links made between two looks at the clock. */
const STEP = 2_048;

/** Consecutive jobs of one template that are to be put back. */
export interface Run {
  readonly first: number;
  readonly count: number;
  readonly template: number;
}

/** The jobs of a segment that are in the queue; their rows have keys and templates, but no state yet. */
export interface LinkedRows {
  readonly first: number;
  readonly links: LinkColumns;
  readonly runs: readonly Run[];
  /** They differ in priority. */
  readonly mixed: boolean;
}

/** Links the rows, and makes each ready or dependent. Every segment is in the directory already. */
export async function recoverDependencies(
  store: KeyValueStore,
  queue: JobQueue,
  clock: Clock,
  segments: readonly LinkedRows[],
): Promise<void> {
  const { dependencies } = queue;
  const slices = new Slices(clock);
  for (const { first, links } of segments) {
    await eachLive(queue, first, links.members, slices, (job, group) =>
      dependencies.addMember(job, dependencies.group(links.groups, group), null),
    );
  }
  const unseen = new Set(Array.from(readUnseen(store), (hash) => Buffer.from(hash).toString('latin1')));
  for (const { first, links } of segments) {
    await eachLive(queue, first, links.waits, slices, (job, group) => {
      const before = dependencies.nodes.size;
      const node = dependencies.group(links.groups, group);
      // A group without members in the queue: they are done, unless there never were any.
      const isNew = dependencies.nodes.size > before;
      if (isNew && !unseen.has(Buffer.from(dependencies.nodes.hash(node)).toString('latin1')))
        dependencies.nodes.mark(node, NODE.seen | NODE.saved);
      dependencies.addWait(job, node);
    });
    await eachLive(queue, first, links.singles, slices, (job, parent) => {
      if (!queue.segments.isFinished(parent)) dependencies.addSingleWait(job, parent);
    });
  }
  for (const { runs, mixed } of segments) {
    for (const { first, count, template } of runs)
      queue.activateLinked(first, count, queue.templates.get(template), mixed);
    await slices.pause();
  }
}

/** Visits each job of some runs that is in the queue. */
async function eachLive(
  queue: JobQueue,
  first: number,
  runs: Uint32Array,
  slices: Slices,
  visit: (job: number, shared: number) => void,
): Promise<void> {
  let steps = 0;
  for (let at = 0; at < runs.length; at += RUN) {
    const from = first + (runs[at] as number);
    const to = from + (runs[at + 1] as number);
    for (let job = from; job < to; job += 1) {
      if (!queue.segments.isFinished(job)) visit(job, runs[at + 2] as number);
      steps += 1;
      if (steps % STEP === 0) await slices.pause();
    }
  }
  await slices.pause();
}
