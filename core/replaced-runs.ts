/**
 * Complete jobs whose commands are in the queue again, by the job that is to take their place: a command counts once, as
 * the live one, and its earlier completion is dropped with the next, or counts again when the new job is removed.
 */
export interface ReplacedRun {
  /** The complete job. */
  readonly number: number;
  /** Where it was counted. */
  readonly tally: number;
}

export class ReplacedRuns {
  readonly #runs = new Map<number, ReplacedRun>();

  get size(): number {
    return this.#runs.size;
  }

  add(number: number, replaced: ReplacedRun): void {
    this.#runs.set(number, replaced);
  }

  /** The run that a job took the place of, which is forgotten; `undefined`: none. */
  take(number: number): ReplacedRun | undefined {
    const replaced = this.#runs.get(number);
    this.#runs.delete(number);
    return replaced;
  }
}
