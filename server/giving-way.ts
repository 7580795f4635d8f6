/** Between the steps of a change of many jobs: others have their turn, and nobody's commit becomes as long as the change is. */
import type { JobQueue } from '../core/job-queue.ts';
import { type Clock, Slices } from './clock.ts';
import type { Persist } from './persist.ts';

export interface GivingWayOptions {
  readonly queue: JobQueue;
  readonly persist: Persist;
  readonly clock: Clock;
}

export class GivingWay {
  readonly #options: GivingWayOptions;
  readonly #changesMax: number;
  readonly #slices: Slices;

  /** @param changesMax - records waiting for the disk, with which the change waits for them */
  constructor(options: GivingWayOptions, changesMax: number) {
    this.#options = options;
    this.#changesMax = changesMax;
    this.#slices = new Slices(options.clock);
  }

  async pause(): Promise<void> {
    const { queue, persist } = this.#options;
    if (queue.changes.size >= this.#changesMax) await persist.flushedOrFailing();
    else if (queue.changes.size > 0) persist.note();
    await this.#slices.pause();
  }
}
