/** Adds up the counters of tallies (core/rep-groups.ts) for one line of a summary. */
import type { GroupSummary, StateCounts } from '../core/client-replies.ts';
import type { RepGroups } from '../core/rep-groups.ts';
import { INCOMPLETE_STATES, type JobState, STATE, STATE_COUNT } from '../core/states.ts';
import { UsageSums } from '../core/usage-sums.ts';

const STATES = [...INCOMPLETE_STATES, 'complete'] as const satisfies readonly JobState[];

export class GroupSums {
  readonly #repGroups: RepGroups;
  readonly #mask: number;
  readonly #counts = new Float64Array(STATE_COUNT);
  readonly #usage = new UsageSums();

  /** @param mask - of the states that count */
  constructor(repGroups: RepGroups, mask: number) {
    this.#repGroups = repGroups;
    this.#mask = mask;
  }

  add(tally: number): void {
    this.count(tally);
    if (isIn(this.#mask, STATE.complete) && this.#repGroups.sum(tally, 'jobs') > 0) this.#addUsage(tally);
  }

  /** Adds how many there are, and not what they used. */
  count(tally: number): void {
    for (let state = 0; state < STATE_COUNT; state += 1)
      if (isIn(this.#mask, state)) (this.#counts[state] as number) += this.#repGroups.count(tally, state);
  }

  #addUsage(tally: number): void {
    const of = (sum: Parameters<RepGroups['sum']>[1]): number => this.#repGroups.sum(tally, sum);
    this.#usage.add(of('jobs'), of, (used) => of(`${used}Squares`));
    this.#usage.addTimes(of('firstStartMs'), of('lastEndMs'));
  }

  /** @param complete - complete ones alone are something, too */
  isEmpty(complete: boolean): boolean {
    return STATES.every((state) => (state === 'complete' && !complete) || this.#counts[STATE[state]] === 0);
  }

  counts(): StateCounts {
    return countsOf((state) => this.#counts[state] ?? 0);
  }

  summary(repGroup: string, buried: GroupSummary['buried']): GroupSummary {
    return { repGroup, counts: this.counts(), ...this.#usage.summary(), buried };
  }
}

export function isIn(mask: number, state: number): boolean {
  return (mask & (1 << state)) !== 0;
}

/** @param count - by state code */
export function countsOf(count: (state: number) => number): StateCounts {
  return Object.fromEntries(STATES.map((state) => [state, count(STATE[state])])) as unknown as StateCounts;
}
