/** Further runs of complete commands on disk: what the add that brings them, and what their end leaves. */
import { reclaim } from '../core/claims.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { dropDependantWrite } from '../store/dependency-tables.ts';
import { dropDoneWrite, readDone } from '../store/history-tables.ts';
import type { KeyValueReader, KeyValueStore, Write } from '../store/key-value.ts';
import { repGroupWrite, replacedWrite } from '../store/layout.ts';
import { type Clock, Slices } from './clock.ts';

/** A new job, the complete one it is a further run of, and where each is counted. */
export interface Replacement {
  readonly by: number;
  readonly number: number;
  readonly tally: number;
  /** Of the new one: it is found under the groups of both. */
  readonly newTally: number;
}

/** Pairs taken in between two looks at the clock. */
const STEP = 1_024;
/** From so many on they go to disk ahead of the add, as one transaction of them all would hold the thread for too long. */
const STAGED_MIN = 2_048;

/**
 * The further runs that one add brings. What is written of them ahead of the add means nothing before its jobs are there:
 * a start drops it (recovery.ts), and until the new job has a state the earlier one is listed.
 */
export class Replacements {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #slices: Slices;
  /** By the new job, ascending. */
  readonly pairs: Replacement[] = [];
  /** Complete jobs that are to count no longer, by where they are counted. */
  readonly #uncounted = new Map<number, number>();
  /** Where the new jobs are counted. */
  readonly #newTallies = new Set<number>();
  #staged = 0;
  #isCounted = false;

  constructor(queue: JobQueue, store: KeyValueStore, clock: Clock) {
    this.#queue = queue;
    this.#store = store;
    this.#slices = new Slices(clock);
  }

  /** Takes in more of them. @throws {WrError} STORE_FULL, STORE_FAILED */
  async take(found: Iterable<Replacement>): Promise<void> {
    for (const pair of found) {
      this.pairs.push(pair);
      this.#queue.replaced.add(pair.by, { number: pair.number, tally: pair.tally });
      this.#uncounted.set(pair.tally, (this.#uncounted.get(pair.tally) ?? 0) + 1);
      this.#newTallies.add(pair.newTally);
      if (this.pairs.length % STEP === 0) await this.#slices.pause();
    }
    if (this.pairs.length - this.#staged >= STAGED_MIN) await this.#stage();
  }

  /** From now on the complete jobs count no longer; the writes belong to the add. */
  writes(): Write[] {
    const { repGroups } = this.#queue;
    this.#count(1);
    this.#isCounted = true;
    const tallies = new Set([...this.#uncounted.keys(), ...this.#newTallies]);
    return [
      ...this.pairs.slice(this.#staged).map(pairWrite),
      ...Array.from(tallies, (id) => repGroupWrite(id, repGroups.save(id))),
    ];
  }

  /** The add failed. */
  undo(): void {
    for (const { by } of this.pairs) this.#queue.replaced.take(by);
    if (this.#isCounted) this.#count(-1);
    const drops = this.pairs.slice(0, this.#staged).map(({ number }) => replacedWrite(number, null));
    // What this leaves behind the next start drops.
    if (drops.length > 0) this.#store.commit(drops).catch(() => undefined);
  }

  #count(sign: 1 | -1): void {
    const { repGroups } = this.#queue;
    for (const [tally, jobs] of this.#uncounted) {
      repGroups.withhold(tally, sign * jobs);
      repGroups.uncount(tally, sign * jobs);
    }
  }

  async #stage(): Promise<void> {
    const stagings: Promise<void>[] = [];
    while (this.#staged < this.pairs.length) {
      const from = this.#staged;
      this.#staged = Math.min(this.pairs.length, from + STEP);
      stagings.push(this.#store.commit(this.pairs.slice(from, this.#staged).map(pairWrite)));
      await this.#slices.pause();
    }
    await Promise.all(stagings);
  }
}

function pairWrite({ by, number, tally }: Replacement): Write {
  return replacedWrite(number, { number: by, tally });
}

/** New jobs have ended: the earlier completion goes with the next one, and stays when the new job was removed. */
export function pushReplacedWrites(
  writes: Write[],
  queue: JobQueue,
  store: KeyValueReader,
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
