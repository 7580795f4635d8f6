/** Ids of segments, each given out once. */
export class SegmentIds {
  #next: number;

  /** @param next - the first that no segment on disk has */
  constructor(next: number) {
    this.#next = next;
  }

  /** The one after the last that was given out: what a start after a crash has to begin with. */
  get next(): number {
    return this.#next;
  }

  take(): number {
    const id = this.#next;
    this.#next += 1;
    return id;
  }
}
