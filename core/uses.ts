/**
 * Who was used when, against what is under way: something that nobody needs may still be in the hands of a request that
 * began before it was last used, and is dropped only when that has ended.
 */
export class Uses {
  #uses = 0;
  readonly #underWay = new Set<{ readonly since: number }>();

  /** Something is used now. @returns when, in uses of anything */
  next(): number {
    this.#uses += 1;
    return this.#uses;
  }

  /** A request begins that holds what it uses between two turns. @returns ends it; may be called more than once */
  enter(): () => void {
    const entry = { since: this.#uses };
    this.#underWay.add(entry);
    return () => this.#underWay.delete(entry);
  }

  /** What was last used before this is in nobody's hands. */
  oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { since } of this.#underWay) oldest = Math.min(oldest, since + 1);
    return oldest;
  }
}
