/** Tells the jobs that wait what opened and closed, however many they are, without holding anybody up. */
import type { JobQueue } from '../core/job-queue.ts';
import { type Clock, Slices } from './clock.ts';
import type { Persist } from './persist.ts';

/** Dependants told in one step. */
const TOLD_PER_STEP = 1_024;

export interface TellingOptions {
  readonly queue: JobQueue;
  readonly persist: Persist;
  readonly clock: Clock;
  /** All are told: jobs may have become ready. */
  readonly onTold: () => void;
}

export class Telling {
  readonly #options: TellingOptions;
  /** They are being told in slices. */
  #telling = false;

  constructor(options: TellingOptions) {
    this.#options = options;
  }

  /** Begins with whatever is to be told, unless that is under way. */
  tell(): void {
    if (!this.#telling && this.#options.queue.dependencies.sweeping) void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    const { queue, persist, clock, onTold } = this.#options;
    this.#telling = true;
    const slices = new Slices(clock);
    while (queue.dependencies.sweep(TOLD_PER_STEP) > 0) await slices.pause();
    this.#telling = false;
    if (queue.changes.size > 0) persist.note();
    onTold();
  }
}
