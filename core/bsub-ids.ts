/**
 * The numbers by which tools made for LSF know jobs: a counter that begins at 1, for jobs with a bsub mode alone.
 *
 * Jobs of one add have consecutive numbers of either kind, so that a run of them is one entry; other jobs cost nothing.
 * Two adds at once may get the one kind in another order than the other, so runs are kept in both, and found by bisection.
 */

/** Jobs `first`…, `count` of them, are LSF jobs `id`…. */
export interface BsubRun {
  readonly first: number;
  readonly count: number;
  readonly id: number;
}

/** With fewer runs nobody looks for those that are over. */
const RUNS_KEPT_MIN = 64;

export class BsubIds {
  /** Ascending by job number. */
  #runs: BsubRun[] = [];
  /** The same, ascending by id. */
  #byId: BsubRun[] = [];
  /** Given out, and not on disk yet. */
  readonly #unwritten = new Set<BsubRun>();
  #next = 1;
  #pruneAt = RUNS_KEPT_MIN;

  /** The next number to be given out. */
  get next(): number {
    return this.#next;
  }

  /** Ascending by job number. */
  get runs(): readonly BsubRun[] {
    return this.#runs;
  }

  /** Gives ids to new jobs; `confirm` or `takeBack` must follow. */
  assign(first: number, count: number): BsubRun {
    const run = { first, count, id: this.#next };
    this.#next += count;
    this.#byId.push(run);
    // Nearly always the last: an add that began earlier may come later.
    let at = this.#runs.length;
    while (at > 0 && (this.#runs[at - 1] as BsubRun).first > first) at -= 1;
    this.#runs.splice(at, 0, run);
    this.#unwritten.add(run);
    return run;
  }

  confirm(run: BsubRun): void {
    this.#unwritten.delete(run);
  }

  /** Its add failed: the numbers stay unused. */
  takeBack(run: BsubRun): void {
    this.#unwritten.delete(run);
    this.#keep(this.#runs.filter((other) => other !== run));
  }

  /** At start: runs in ascending order of job numbers, and the counter. */
  restore(runs: readonly BsubRun[], next: number): void {
    this.#keep([...runs]);
    this.#next = Math.max(this.#next, next);
  }

  /** @returns 0: it has none */
  idOf(number: number): number {
    const run = lastOf(this.#runs, ({ first }) => first <= number);
    return run !== undefined && number < run.first + run.count ? run.id + number - run.first : 0;
  }

  /** @returns 0: nobody has it */
  numberOf(id: number): number {
    const run = lastOf(this.#byId, (candidate) => candidate.id <= id);
    return run !== undefined && id < run.id + run.count ? run.first + id - run.id : 0;
  }

  /**
   * Forgets runs none of whose jobs is still wanted, once there are many.
   * @returns those forgotten, to be taken off the disk
   */
  prune(isLive: (number: number) => boolean): readonly BsubRun[] {
    if (this.#runs.length < this.#pruneAt) return [];
    const kept: BsubRun[] = [];
    const gone: BsubRun[] = [];
    for (const run of this.#runs) {
      const list = this.#unwritten.has(run) || hasLive(run, isLive) ? kept : gone;
      list.push(run);
    }
    this.#keep(kept);
    this.#pruneAt = Math.max(RUNS_KEPT_MIN, 2 * kept.length);
    return gone;
  }

  #keep(runs: BsubRun[]): void {
    this.#runs = runs;
    this.#byId = [...runs].sort((a, b) => a.id - b.id);
  }
}

/** The last run that fits; those that do stand before those that do not. */
function lastOf(runs: readonly BsubRun[], fits: (run: BsubRun) => boolean): BsubRun | undefined {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(runs[middle] as BsubRun)) low = middle + 1;
    else high = middle;
  }
  return runs[low - 1];
}

/** Whether any job of a run is still wanted. */
export function hasLive({ first, count }: BsubRun, isLive: (number: number) => boolean): boolean {
  for (let number = first; number < first + count; number += 1) if (isLive(number)) return true;
  return false;
}
