/** A share of the time for something that is nice to have: what is spent on it is counted, and more only allowed within it. */
export class TimeShare {
  readonly #share: number;
  readonly #savedMsMax: number;
  #savedMs: number;
  #atMs: number;

  /**
   * @param share - of the time that passes, such as 0.01
   * @param savedMsMax - what may be spent at once after a time of rest
   */
  constructor(share: number, savedMsMax: number, nowMs: number) {
    this.#share = share;
    this.#savedMsMax = savedMsMax;
    this.#savedMs = savedMsMax;
    this.#atMs = nowMs;
  }

  /** Whether something that takes so long may be done now. */
  allows(ms: number, nowMs: number): boolean {
    this.#savedMs = Math.min(this.#savedMsMax, this.#savedMs + (nowMs - this.#atMs) * this.#share);
    this.#atMs = nowMs;
    return this.#savedMs >= ms;
  }

  spend(ms: number): void {
    this.#savedMs -= ms;
  }
}
