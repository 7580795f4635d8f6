/**
 * When delayed jobs become ready: a binary heap in typed arrays, earliest first; no object per job.
 *
 * An entry whose back-off was called off stays until its time has come. Only of jobs that have such entries it is kept which one
 * counts.
 */
export class DueTimes {
  #times = new Float64Array(64);
  #numbers = new Uint32Array(64);
  #size = 0;
  /** By job, the entry that counts: of those that may have others. */
  readonly #latest = new Map<number, number>();

  get size(): number {
    return this.#size;
  }

  /** Unix ms of the earliest entry; Infinity without any. */
  get nextMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  /** @param again - an earlier entry of the job may be there, and counts no more */
  add(number: number, dueMs: number, again = false): void {
    if (again) this.#latest.set(number, dueMs);
    if (this.#size === this.#times.length) this.#grow();
    let at = this.#size;
    this.#size += 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#times[parent] as number) <= dueMs) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#times[at] = dueMs;
    this.#numbers[at] = number;
  }

  /** Takes up to `max` numbers that are due. Whether a job is delayed at all the job table says. */
  take(nowMs: number, max: number): number[] {
    const due: number[] = [];
    while (due.length < max && this.#size > 0) {
      const time = this.#times[0] as number;
      if (time > nowMs) break;
      const number = this.#pop();
      if (this.#counts(number, time)) due.push(number);
    }
    return due;
  }

  #counts(number: number, time: number): boolean {
    const latest = this.#latest.get(number);
    if (latest === undefined) return true;
    if (latest !== time) return false;
    this.#latest.delete(number);
    return true;
  }

  #pop(): number {
    const top = this.#numbers[0] as number;
    this.#size -= 1;
    const time = this.#times[this.#size] as number;
    const number = this.#numbers[this.#size] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && (this.#times[child + 1] as number) < (this.#times[child] as number))
        child += 1;
      if ((this.#times[child] as number) >= time) break;
      this.#move(child, at);
      at = child;
    }
    this.#times[at] = time;
    this.#numbers[at] = number;
    return top;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number;
    this.#numbers[to] = this.#numbers[from] as number;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    const numbers = new Uint32Array(this.#times.length * 2);
    times.set(this.#times);
    numbers.set(this.#numbers);
    this.#times = times;
    this.#numbers = numbers;
  }
}
