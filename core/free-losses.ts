/**
 * Attempts that a job lost without any fault of its own: the scheduler says that the place it ran in died, was taken away, or
 * that its own time limit ended it. So many of them use up no retry (the ruling on lost attempts).
 */
export const FREE_LOSSES_MAX = 10;

export class FreeLosses {
  /** Only of jobs that had any. */
  readonly #counts = new Map<number, number>();

  of(number: number): number {
    return this.#counts.get(number) ?? 0;
  }

  /** Counts one. @returns whether it is free */
  use(number: number): boolean {
    const count = this.of(number);
    if (count >= FREE_LOSSES_MAX) return false;
    this.#counts.set(number, count + 1);
    return true;
  }

  restore(number: number, count: number): void {
    if (count > 0) this.#counts.set(number, count);
  }

  /** It is over, or a user gave it all of its attempts anew. */
  forget(number: number): void {
    this.#counts.delete(number);
  }
}
