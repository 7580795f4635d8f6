/**
 * Lets go of what no job needs any more: templates, cohorts, scheduler and requirement groups. A manager lives for months, and
 * each command may bring a set of options of its own.
 */
import type { JobQueue } from '../core/job-queue.ts';
import type { SchedulerGroup } from '../core/scheduler-groups.ts';
import type { Clock } from './clock.ts';
import type { Persist } from './persist.ts';

/** Looked at in one step: about a millisecond. */
const STEP = 256;

export class Trimming {
  readonly #queue: JobQueue;
  readonly #persist: Persist;
  readonly #clock: Clock;
  readonly #isAwaited: () => (group: SchedulerGroup) => boolean;
  #underWay = false;

  /** @param isAwaited - makes what tells whether a runner or a plan needs a group */
  constructor(options: {
    readonly queue: JobQueue;
    readonly persist: Persist;
    readonly clock: Clock;
    readonly isAwaited: () => (group: SchedulerGroup) => boolean;
  }) {
    this.#queue = options.queue;
    this.#persist = options.persist;
    this.#clock = options.clock;
    this.#isAwaited = options.isAwaited;
  }

  /** Called now and then. */
  tick(): void {
    if (!this.#underWay && this.#queue.isTrimmable) this.#step();
  }

  /** In the turn in which a commit has ended: what is not noted as changed is on disk, and can be read back. */
  #step(): void {
    this.#underWay = true;
    this.#persist.after(() => {
      this.#underWay = false;
      if (this.#queue.trim(STEP, this.#isAwaited()) >= STEP) void this.#clock.turn().then(() => this.tick());
    });
  }
}
