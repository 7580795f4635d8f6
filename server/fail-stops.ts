/**
 * Stops report groups of which too many commands were buried (core/fail-budgets.ts): what waits of them is suspended, in
 * slices. Until it is, the queue hands none of it out; after a restart a stop is taken up where it was.
 */
import type { JobQueue } from '../core/job-queue.ts';
import { stateMask } from '../core/states.ts';
import { type Clock, Slices } from './clock.ts';
import type { Log } from './log.ts';
import type { Persist } from './persist.ts';
import type { Selection } from './selection.ts';

const WAITING = stateMask(['ready', 'delayed', 'dependent']);

export class FailStops {
  readonly #queue: JobQueue;
  readonly #selection: Selection;
  readonly #persist: Persist;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Resolves when no stop is under way. */
  #sweeping: Promise<void> | undefined;

  constructor(options: {
    readonly queue: JobQueue;
    readonly selection: Selection;
    readonly persist: Persist;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#queue = options.queue;
    this.#selection = options.selection;
    this.#persist = options.persist;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Carries out the stops that are due. */
  consider(): void {
    if (this.#sweeping !== undefined || this.#queue.failBudgets.sweeps.size === 0) return;
    this.#sweeping = this.#sweepAll().finally(() => {
      this.#sweeping = undefined;
    });
  }

  /** Until a change that a user asks for may be made: it must not be undone by a stop that began before. */
  async settled(): Promise<void> {
    while (this.#sweeping !== undefined) await this.#sweeping;
  }

  /** Resolves when they are on disk. @param budgets - by report group */
  async give(budgets: ReadonlyMap<number, number>): Promise<void> {
    if (budgets.size === 0) return;
    for (const [repGroup, max] of budgets) this.#queue.failBudgets.give(repGroup, max);
    await this.#persist.flushed();
  }

  /** Jobs were added to these report groups: those of stopped ones wait with the others. */
  added(repGroups: Iterable<number>): void {
    const { failBudgets } = this.#queue;
    if (!failBudgets.anyStopped) return;
    for (const id of repGroups) if (failBudgets.isStopped(id)) failBudgets.sweeps.add(id);
  }

  /** What who adds to these report groups should know. */
  warnings(repGroups: Iterable<number>): string[] {
    const { failBudgets, repGroups: groups } = this.#queue;
    if (!failBudgets.anyStopped) return [];
    return [...repGroups]
      .filter((id) => failBudgets.isStopped(id))
      .map((id) => {
        const name = groups.name(id);
        const fails = failBudgets.get(id)?.fails;
        return `report group "${name}" was stopped, as ${fails} of its commands were buried (--max_fails): its commands are suspended until wr resume -i ${name}`;
      });
  }

  async #sweepAll(): Promise<void> {
    const { failBudgets } = this.#queue;
    for (const repGroup of failBudgets.sweeps) {
      failBudgets.sweeps.delete(repGroup);
      try {
        await this.#sweep(repGroup);
      } catch (error) {
        // The queue still hands nothing of it out.
        this.#log.error('what waits of a stopped report group could not be suspended', {
          error: String(error),
        });
      }
    }
  }

  async #sweep(repGroup: number): Promise<void> {
    const { failBudgets, suspension, repGroups } = this.#queue;
    const name = repGroups.name(repGroup);
    const numbers = await this.#selection.ownNumbers(repGroup, WAITING);
    const slices = new Slices(this.#clock);
    let suspended = 0;
    for (let at = 0; at < numbers.length && failBudgets.isStopped(repGroup); ) {
      const step = suspension.suspend(numbers, at);
      suspended += step.changed;
      at = step.next;
      await slices.pause();
    }
    this.#persist.note();
    const { fails, max } = failBudgets.get(repGroup) ?? {};
    this.#log.warn('a report group was stopped: as many of its commands were buried as --max_fails allows', {
      repGroup: name,
      buried: fails,
      maxFails: max,
      suspended,
    });
  }
}
