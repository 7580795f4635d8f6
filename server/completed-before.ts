/** Why commands of an add were duplicates: of the complete ones, under which report groups they completed, and when. */

import type { CompletedElsewhere } from '../core/client-replies.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Tasks } from './tasks.ts';

/** Lines of one frame that are of complete commands. */
export interface CompleteLines {
  /** By input position: the number of the complete job, or 0. */
  readonly completeAt: Uint32Array;
  /** Report groups that lines name. */
  readonly repGroups: readonly string[];
  /** By input position: which of `repGroups`; `null`: all the first. */
  readonly repGroupIndex: Uint32Array | null;
}

export class CompletedBefore {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  #here = 0;
  readonly #elsewhere = new Map<string, number>();

  constructor(queue: JobQueue, tasks: Tasks) {
    this.#queue = queue;
    this.#tasks = tasks;
  }

  async take({ completeAt, repGroups, repGroupIndex }: CompleteLines): Promise<void> {
    const isComplete = (_: number, i: number): boolean => completeAt[i] !== 0;
    const { here, elsewhere } = await this.#tasks.completedGroups({
      numbers: completeAt.filter((number) => number !== 0),
      given: repGroups,
      givenIndex: repGroupIndex === null ? null : repGroupIndex.filter(isComplete),
    });
    this.#here += here;
    for (const [name, count] of elsewhere)
      this.#elsewhere.set(name, (this.#elsewhere.get(name) ?? 0) + count);
  }

  #tallies(name: string): readonly number[] {
    const { repGroups } = this.#queue;
    const id = repGroups.find(name);
    return id === undefined ? [] : repGroups.talliesOf([id]);
  }

  /** Largest first, then by name. */
  summary(): { readonly completeHere: number; readonly completeElsewhere: readonly CompletedElsewhere[] } {
    const { repGroups } = this.#queue;
    const lastEndMs = (name: string): number =>
      Math.max(0, ...this.#tallies(name).map((id) => repGroups.sum(id, 'lastEndMs')));
    const groups = [...this.#elsewhere].map(([repGroup, count]) => ({
      repGroup,
      count,
      lastEndMs: lastEndMs(repGroup),
    }));
    groups.sort((a, b) => b.count - a.count || (a.repGroup < b.repGroup ? -1 : 1));
    return { completeHere: this.#here, completeElsewhere: groups };
  }
}
