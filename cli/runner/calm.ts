/** Tells when so few commands end that cleaning up behind them takes nothing from them. */

/** What ended is counted over so long. */
const WINDOW_MS = 1_000;
/** Of those that end in such a time each may be cleaned up behind by itself. */
const ENDS_MAX = 10;

export class Calm {
  #ends = 0;
  #sinceMs = 0;

  /** A command has ended. */
  note(): void {
    this.#ends += 1;
  }

  /** Called often. @returns whether a window is just over in which few ended */
  look(nowMs: number): boolean {
    // A clock that was set back begins anew.
    if (nowMs >= this.#sinceMs && nowMs - this.#sinceMs < WINDOW_MS) return false;
    const calm = this.#ends <= ENDS_MAX;
    this.#ends = 0;
    this.#sinceMs = nowMs;
    return calm;
  }
}
