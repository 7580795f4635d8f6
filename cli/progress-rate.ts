/** How fast commands end, over the last while, and how long the rest may take at that. */

/** Older samples say little about now; a window this long still smooths commands that take seconds. */
const WINDOW_MS = 60_000;
const SAMPLES_MAX = 240;

interface Sample {
  readonly atMs: number;
  readonly done: number;
}

export class ProgressRate {
  readonly #samples: Sample[] = [];

  /**
   * @param atMs - of a clock that only rises
   * @param done - commands that have ended so far
   */
  add(atMs: number, done: number): void {
    this.#samples.push({ atMs, done });
    while (
      this.#samples.length > SAMPLES_MAX ||
      (this.#samples.length > 2 && (this.#samples[1] as Sample).atMs <= atMs - WINDOW_MS)
    )
      this.#samples.shift();
  }

  /** Commands a second; 0 when nothing is known. */
  perSecond(nowMs: number): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || nowMs <= first.atMs) return 0;
    return (Math.max(0, last.done - first.done) * 1000) / (nowMs - first.atMs);
  }

  /** @returns ms; `null` when there is no telling */
  leftMs(nowMs: number, left: number): number | null {
    const rate = this.perSecond(nowMs);
    if (left === 0) return 0;
    return rate > 0 ? (left * 1000) / rate : null;
  }
}
