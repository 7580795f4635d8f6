/**
 * The order in which ready jobs are served: by priority, then by order of adding, which is the order of job numbers
 * (jobs.md §6). `ready-cohorts.ts` puts several of these queues into one order.
 *
 * A queue has one lane per priority in use. A lane holds *ranges* of consecutive numbers, so that a million plain jobs
 * are one entry, and a heap of single numbers that came back out of turn (retries). Entries are hints: whether a job is
 * ready is said by the job table alone. Whoever takes a job out of the ready state otherwise than by `pop` tells `left`;
 * its entry is skipped when it comes up.
 */
/** Small enough to lie within its array: most lanes of many groups hold a job or two. */
const RANGE_START = 4;
/** Shorter runs are kept as single numbers: each range that is put between others moves those behind it. */
const LONG_RUN = 64;

class Lane {
  readonly priority: number;
  /** Pairs: first number, end (exclusive); ascending. */
  #ranges = new Uint32Array(2 * RANGE_START);
  #head = 0;
  #tail = 0;
  readonly #returned: number[] = [];
  /** Jobs that are ready in this lane. */
  ready = 0;

  constructor(priority: number) {
    this.priority = priority;
  }

  push(first: number, count: number): void {
    this.ready += count;
    const last = this.#tail - 2;
    if (last >= this.#head && this.#ranges[last + 1] === first) {
      this.#ranges[last + 1] = first + count;
      return;
    }
    if (last >= this.#head && first < (this.#ranges[last + 1] as number)) {
      for (let n = first; n < first + count; n += 1) pushHeap(this.#returned, n);
      return;
    }
    this.#ensureRoom();
    this.#ranges[this.#tail] = first;
    this.#ranges[this.#tail + 1] = first + count;
    this.#tail += 2;
  }

  giveBack(number: number): void {
    this.ready += 1;
    pushHeap(this.#returned, number);
  }

  /** One job left without being popped. */
  left(): void {
    this.ready -= 1;
    if (this.ready === 0) this.#clear();
  }

  /** The same for consecutive numbers. Long runs are cut out of the ranges, so that nobody walks over them later. */
  leftRun(first: number, count: number): void {
    this.ready -= count;
    if (this.ready === 0) this.#clear();
    else if (count >= LONG_RUN) this.#cut(first, first + count);
  }

  /** Consecutive numbers are ready again, at their old place. */
  giveBackRun(first: number, count: number): void {
    this.ready += count;
    if (count < LONG_RUN) for (let n = first; n < first + count; n += 1) pushHeap(this.#returned, n);
    else this.#insert(first, first + count);
  }

  /** Nothing in it is ready: all entries are stale. */
  #clear(): void {
    this.#head = 0;
    this.#tail = 0;
    this.#returned.length = 0;
  }

  #cut(first: number, end: number): void {
    this.#ensureRoom();
    let at = this.#find(first);
    while (at < this.#tail && (this.#ranges[at] as number) < end) {
      const from = this.#ranges[at] as number;
      const to = this.#ranges[at + 1] as number;
      if (from < first && to > end) {
        this.#ranges[at + 1] = first;
        this.#insertAt(at + 2, end, to);
        return;
      }
      if (from < first) this.#ranges[at + 1] = first;
      else if (to > end) this.#ranges[at] = end;
      else {
        this.#ranges.copyWithin(at, at + 2, this.#tail);
        this.#tail -= 2;
        continue;
      }
      at += 2;
    }
  }

  #insert(first: number, end: number): void {
    this.#cut(first, end);
    this.#ensureRoom();
    const at = this.#find(first);
    if (at > this.#head && this.#ranges[at - 1] === first) this.#ranges[at - 1] = end;
    else this.#insertAt(at, first, end);
  }

  /** Puts a range before the one that begins at `at`; there must be room. */
  #insertAt(at: number, first: number, end: number): void {
    this.#ranges.copyWithin(at + 2, at, this.#tail);
    this.#tail += 2;
    this.#ranges[at] = first;
    this.#ranges[at + 1] = end;
  }

  /** Where the first range begins that ends behind `number`. */
  #find(number: number): number {
    let low = this.#head >> 1;
    let high = this.#tail >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[2 * middle + 1] as number) <= number) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }

  /** The next number for which `isReady`, or 0. It stays; stale entries before it go. */
  peek(isReady: (number: number) => boolean): number {
    for (;;) {
      const number = this.head;
      if (number === 0 || isReady(number)) return number;
      this.#drop();
    }
  }

  /** The next entry, which may be stale; 0: none. */
  get head(): number {
    const returned = this.#returned[0] ?? 0;
    const ranged = this.#head < this.#tail ? (this.#ranges[this.#head] as number) : 0;
    return ranged === 0 || (returned !== 0 && returned <= ranged) ? returned : ranged;
  }

  /** Takes the one that `peek` gave. */
  take(): void {
    this.ready -= 1;
    this.#drop();
  }

  #drop(): void {
    if (this.#returned.length > 0 && this.#returned[0] === this.head) popHeap(this.#returned);
    else this.#dropRanged();
  }

  #dropRanged(): void {
    const number = this.#ranges[this.#head] as number;
    if (number + 1 === this.#ranges[this.#head + 1]) this.#head += 2;
    else this.#ranges[this.#head] = number + 1;
  }

  #ensureRoom(): void {
    if (this.#tail < this.#ranges.length) return;
    const used = this.#tail - this.#head;
    const room = used * 2 > this.#ranges.length ? this.#ranges.length * 2 : this.#ranges.length;
    const ranges = room === this.#ranges.length ? this.#ranges : new Uint32Array(room);
    ranges.set(this.#ranges.subarray(this.#head, this.#tail));
    this.#ranges = ranges;
    this.#head = 0;
    this.#tail = used;
  }
}

/** The lanes of jobs that are given the same (a cohort, see cohorts.ts), highest priority first. */
export class ReadyGroup {
  readonly #lanes: Lane[] = [];
  ready = 0;

  /** Adds consecutive numbers that have just become ready. */
  push(priority: number, first: number, count: number): void {
    this.ready += count;
    this.#lane(priority).push(first, count);
  }

  /** Adds one that became ready again, at its old place. */
  giveBack(priority: number, number: number): void {
    this.ready += 1;
    this.#lane(priority).giveBack(number);
  }

  /** A job of this priority left the ready state without being popped. */
  left(priority: number): void {
    this.ready -= 1;
    this.#lane(priority).left();
  }

  /** Consecutive jobs of this priority left the ready state without being popped. */
  leftRun(priority: number, first: number, count: number): void {
    this.ready -= count;
    this.#lane(priority).leftRun(first, count);
  }

  /** Consecutive jobs became ready again, at their old place. */
  giveBackRun(priority: number, first: number, count: number): void {
    this.ready += count;
    this.#lane(priority).giveBackRun(first, count);
  }

  /** Takes the best ready number, or 0. `isReady(number, priority)` tells stale entries. */
  pop(isReady: (number: number, priority: number) => boolean): number {
    const number = this.peek(isReady);
    if (number !== 0) this.take();
    return number;
  }

  /** The same, and leaves it there: for `take`. */
  peek(isReady: (number: number, priority: number) => boolean): number {
    for (const lane of this.#lanes) {
      if (lane.ready === 0) continue;
      const number = lane.peek((candidate) => isReady(candidate, lane.priority));
      if (number !== 0) return number;
    }
    return 0;
  }

  /** Takes the one that `peek` has just given. */
  take(): void {
    this.ready -= 1;
    this.#first()?.take();
  }

  /** Its best entry, which may be stale: a bound, as no ready job of the best priority comes before it. 0: none. */
  get head(): number {
    return this.#first()?.head ?? 0;
  }

  /** The highest priority of a ready job; −1 without any. */
  get priority(): number {
    return this.#first()?.priority ?? -1;
  }

  #first(): Lane | undefined {
    for (const lane of this.#lanes) if (lane.ready > 0) return lane;
    return undefined;
  }

  #lane(priority: number): Lane {
    let at = 0;
    while (at < this.#lanes.length) {
      const lane = this.#lanes[at] as Lane;
      if (lane.priority === priority) return lane;
      if (lane.priority < priority) break;
      at += 1;
    }
    const lane = new Lane(priority);
    this.#lanes.splice(at, 0, lane);
    return lane;
  }
}

function pushHeap(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as number;
    if (above <= value) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = value;
}

function popHeap(heap: number[]): number {
  const top = heap[0] as number;
  const last = heap.pop() as number;
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child += 1;
    if ((heap[child] as number) >= last) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = last;
  return top;
}
