/**
 * Report groups that stop when too many of their commands are buried (`wr add --max_fails n`).
 *
 * Burials count from when the budget is first given, and anew from when a user resumes or retries commands of the group: then
 * somebody has looked. A kill that a user asked for is no failure. At the n-th burial the group is stopped: nothing of it is
 * handed out any more, what waits is suspended, and so is what is added later. What runs may end.
 */
export interface FailBudget {
  /** Burials at which the group stops. */
  readonly max: number;
  readonly fails: number;
  readonly stopped: boolean;
}

/** As an option: the group has no budget any more. */
export const NO_BUDGET = -1;
export const MAX_FAILS_MAX = 1_000_000;

export class FailBudgets {
  readonly #budgets = new Map<number, FailBudget>();
  #stopped = 0;
  /** Groups whose budget is to be written; the owner of the disk empties it. */
  readonly changed = new Set<number>();
  /** Stopped groups whose waiting jobs are to be held back. */
  readonly sweeps = new Set<number>();

  get(repGroup: number): FailBudget | undefined {
    return this.#budgets.get(repGroup);
  }

  /** Whether to ask at all: most queues have no stopped group. */
  get anyStopped(): boolean {
    return this.#stopped > 0;
  }

  isStopped(repGroup: number): boolean {
    return this.#budgets.get(repGroup)?.stopped === true;
  }

  /** @param max - {@link NO_BUDGET}, or burials at which the group stops: those since its budget was given count already */
  give(repGroup: number, max: number): void {
    const { fails = 0, stopped = false } = this.#budgets.get(repGroup) ?? {};
    if (max === NO_BUDGET) this.#put(repGroup, undefined);
    else this.#put(repGroup, { max, fails, stopped: stopped || fails >= max });
  }

  /** A job of the group was buried. */
  noteBurial(repGroup: number): void {
    const budget = this.#budgets.get(repGroup);
    if (budget === undefined) return;
    const fails = budget.fails + 1;
    this.#put(repGroup, { ...budget, fails, stopped: budget.stopped || fails >= budget.max });
  }

  /** A user lets jobs of the group go on. */
  lift(repGroup: number): void {
    const budget = this.#budgets.get(repGroup);
    if (budget !== undefined && (budget.fails > 0 || budget.stopped))
      this.#put(repGroup, { ...budget, fails: 0, stopped: false });
  }

  restore(repGroup: number, budget: FailBudget): void {
    this.#put(repGroup, budget);
    this.changed.delete(repGroup);
  }

  #put(repGroup: number, budget: FailBudget | undefined): void {
    const before = this.isStopped(repGroup);
    if (budget === undefined) this.#budgets.delete(repGroup);
    else this.#budgets.set(repGroup, budget);
    this.changed.add(repGroup);
    const after = budget?.stopped === true;
    this.#stopped += Number(after) - Number(before);
    if (after && !before) this.sweeps.add(repGroup);
    if (!after) this.sweeps.delete(repGroup);
  }
}
