/**
 * Learning: now and then the usage that came in is merged into the stored sets, in a worker, and what is recommended
 * changes for all jobs of the requirement groups it came from, those that wait included.
 *
 * The values stay with their group, on disk, until the sets that hold them are: after a crash they are merged again, which
 * changes nothing.
 */
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Recommendation } from '../core/learning.ts';
import type { ReqUsage } from '../core/req-usage.ts';
import { usageWrite } from '../store/group-tables.ts';
import type { LearnGroup, LearnResult } from '../workers/learn.ts';
import { type Clock, Slices } from './clock.ts';
import type { Log } from './log.ts';
import type { Persist } from './persist.ts';
import type { Tasks } from './tasks.ts';

/** Requirement groups in one task. */
const GROUPS_MAX = 1_000;
/** After a task that failed. */
const RETRY_MS = 5_000;

export class Learner {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  readonly #persist: Persist;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onMoved: () => void;
  #busy = false;
  /** Nothing is tried before this; monotonic ms. */
  #pauseMs = 0;

  /** @param options.onMoved - jobs are served in other scheduler groups now */
  constructor(options: {
    readonly queue: JobQueue;
    readonly tasks: Tasks;
    readonly persist: Persist;
    readonly clock: Clock;
    readonly log: Log;
    readonly onMoved: () => void;
  }) {
    this.#queue = options.queue;
    this.#tasks = options.tasks;
    this.#persist = options.persist;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onMoved = options.onMoved;
  }

  /** Called a few times a second: learns from what came in meanwhile. */
  tick(): void {
    if (this.#busy || this.#queue.cohorts.usages.fresh.size === 0) return;
    if (this.#clock.monotonicMs() < this.#pauseMs) return;
    this.#busy = true;
    this.#learn()
      .catch((error: unknown) => {
        this.#pauseMs = this.#clock.monotonicMs() + RETRY_MS;
        this.#log.error('learning from past usage failed; trying again', { error: asWrError(error).message });
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  async #learn(): Promise<void> {
    // Values on their way to disk are left for the next time: what is learned must not outlive what it came from.
    const usages = [...this.#queue.cohorts.usages.fresh].slice(0, GROUPS_MAX);
    const groups = usages.map((usage) => ({ reqGroup: usage.reqGroup, fresh: usage.freshValues() }));
    await this.#persist.flushed();
    const results = await this.#tasks.learn(groups);
    await this.#apply(usages, groups, results);
    // The next task must find these sets.
    await this.#persist.flushed();
  }

  async #apply(
    usages: readonly ReqUsage[],
    groups: readonly LearnGroup[],
    results: LearnResult,
  ): Promise<void> {
    const slices = new Slices(this.#clock);
    const { cohorts } = this.#queue;
    let moved = false;
    for (const [i, usage] of usages.entries()) {
      const { fresh } = groups[i] as LearnGroup;
      const { sets, recommendation } = results[i] as LearnResult[number];
      if (sets !== null) this.#persist.add(usageWrite(usage.reqGroup, sets));
      const before = usage.recommendation;
      cohorts.usages.merged(usage, fresh, recommendation);
      // Its runs are shown even where its figures stay.
      moved = cohorts.apply(usage) || moved;
      if (!isSame(before, recommendation)) this.#tell(usage);
      await slices.pause();
    }
    this.#persist.note();
    if (moved) this.#onMoved();
  }

  #tell({ reqGroup, runs, recommendation }: ReqUsage): void {
    this.#log.debug('what is asked for changed', { reqGroup, runs: runs.time, ...recommendation });
  }
}

function isSame(a: Recommendation, b: Recommendation): boolean {
  return a.memoryMb === b.memoryMb && a.timeMs === b.timeMs && a.diskGb === b.diskGb;
}
