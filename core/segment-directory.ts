/**
 * Which stored segment holds a job number, and which of its jobs are finished: for segments with live jobs only.
 *
 * A segment holds consecutive numbers. Its finished jobs are bits, written with each batch of outcomes, so that a start
 * knows what is left without looking at history; a segment with nothing left is forgotten here.
 */
export interface SegmentEntry {
  /** First job number. */
  readonly first: number;
  readonly count: number;
  /** Its key in the store. */
  readonly segment: number;
  /** A bit a job, made at the first one that finishes. */
  finished: Uint8Array | null;
  remaining: number;
}

export class SegmentDirectory {
  /** Ascending by first number. */
  #entries: SegmentEntry[] = [];
  #gone = 0;
  /** Entries whose bits changed since they were last written. */
  readonly changed = new Set<SegmentEntry>();
  #last: SegmentEntry | undefined;

  get size(): number {
    return this.#entries.length;
  }

  entries(): readonly SegmentEntry[] {
    return this.#entries;
  }

  add(entry: SegmentEntry): void {
    let at = this.#entries.length;
    while (at > 0 && (this.#entries[at - 1] as SegmentEntry).first > entry.first) at -= 1;
    if (at === this.#entries.length) this.#entries.push(entry);
    else this.#entries.splice(at, 0, entry);
  }

  find(number: number): SegmentEntry | undefined {
    const last = this.#last;
    if (last !== undefined && number >= last.first && number < last.first + last.count) return last;
    let low = 0;
    let high = this.#entries.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const entry = this.#entries[middle] as SegmentEntry;
      if (number < entry.first) high = middle - 1;
      else if (number >= entry.first + entry.count) low = middle + 1;
      else {
        this.#last = entry;
        return entry;
      }
    }
    return undefined;
  }

  /** Marks a job complete or removed. Doing it twice is harmless. */
  finish(number: number): void {
    const entry = this.find(number);
    if (entry === undefined) return;
    entry.finished ??= new Uint8Array((entry.count + 7) >> 3);
    const at = number - entry.first;
    const bit = 1 << (at & 7);
    if (((entry.finished[at >> 3] as number) & bit) !== 0) return;
    (entry.finished[at >> 3] as number) |= bit;
    entry.remaining -= 1;
    this.changed.add(entry);
  }

  isFinished(number: number): boolean {
    const entry = this.find(number);
    return entry === undefined || isMarked(entry.finished, number - entry.first);
  }

  /** Forgets an entry that has nothing left; called once its last bits are written. */
  drop(entry: SegmentEntry): void {
    if (entry.remaining > 0) return;
    this.#gone += 1;
    // Taking single entries out of a long array costs its length each time; now and then half of it costs the same once.
    if (this.#gone * 2 < this.#entries.length || this.#gone < 64) return;
    this.#entries = this.#entries.filter((kept) => kept.remaining > 0);
    this.#gone = 0;
    this.#last = undefined;
  }
}

export function isMarked(bits: Uint8Array | null, at: number): boolean {
  return bits !== null && ((bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
}
