/**
 * The numbers by which tools made for LSF know jobs: a counter that begins at 1, for jobs with a bsub mode alone.
 *
 * Jobs of one add have consecutive numbers of either kind, so that a run of them is one entry; other jobs cost nothing. The
 * commands of an array have one id together, as those of an LSF job array do: they are told apart by their index.
 * Two adds at once may get the one kind in another order than the other, so runs are kept in both, and found by bisection.
 */

/** Jobs `first`…, `count` of them, are LSF jobs `id`…, or all of them the LSF job array `id`. */
export interface BsubRun {
  readonly first: number;
  readonly count: number;
  readonly id: number;
  readonly isArray: boolean;
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
    const run = { first, count, id: this.#next, isArray: false };
    this.#next += count;
    return this.#insert(run);
  }

  /**
   * The same for commands of an array.
   * @param id - that others of this array were given; `undefined`: these are its first
   */
  assignArray(first: number, count: number, id = this.#next): BsubRun {
    if (id === this.#next) this.#next += 1;
    return this.#insert({ first, count, id, isArray: true });
  }

  #insert(run: BsubRun): BsubRun {
    // Nearly always the last: an add that began earlier may come later.
    insert(this.#runs, run, (other) => other.first);
    insert(this.#byId, run, (other) => other.id);
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
    return run === undefined ? 0 : idIn(run, number);
  }

  /** @returns several for an array, none when nobody has it */
  numbersOf(id: number): readonly number[] {
    const numbers: number[] = [];
    for (let at = indexOfLast(this.#byId, (run) => run.id <= id); at >= 0; at -= 1) {
      const run = this.#byId[at] as BsubRun;
      if (!run.isArray) {
        if (id < run.id + run.count) numbers.push(run.first + id - run.id);
        break;
      }
      if (run.id !== id) break;
      for (let i = 0; i < run.count; i += 1) numbers.push(run.first + i);
    }
    return numbers;
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

/** The LSF job id of a job, if it is of this run; else 0. */
export function idIn({ first, count, id, isArray }: BsubRun, number: number): number {
  if (number < first || number >= first + count) return 0;
  return isArray ? id : id + number - first;
}

function insert(runs: BsubRun[], run: BsubRun, key: (run: BsubRun) => number): void {
  let at = runs.length;
  while (at > 0 && key(runs[at - 1] as BsubRun) > key(run)) at -= 1;
  runs.splice(at, 0, run);
}

function lastOf(runs: readonly BsubRun[], fits: (run: BsubRun) => boolean): BsubRun | undefined {
  return runs[indexOfLast(runs, fits)];
}

/** Where the last run is that fits, or −1; those that do stand before those that do not. */
function indexOfLast(runs: readonly BsubRun[], fits: (run: BsubRun) => boolean): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(runs[middle] as BsubRun)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Whether any job of a run is still wanted. */
export function hasLive({ first, count }: BsubRun, isLive: (number: number) => boolean): boolean {
  for (let number = first; number < first + count; number += 1) if (isLive(number)) return true;
  return false;
}
