/** What a runner serves one scheduler group with: slots, jobs fetched and not started, how long its commands take. */
import type { Job } from './execution.ts';
import type { SlotPort } from './executor-port.ts';

/** Commands seen before anything is said about how long they take. */
const SEEN_MIN = 3;
const REMEMBERED = 16;
/** Commands with a lower median are short: fetched several at once, and sent to launchers ahead. */
export const SHORT_MS = 100;
/** Work fetched ahead, per slot. */
const AHEAD_MS = 300;
/** What runs for longer than this is not short, whatever those before it were: nothing may wait behind it. */
export const STUCK_MS = 500;
export const AHEAD_JOBS_MAX = 128;
/** Short commands may share a notice that comes so late for the first of them. */
const BELL_MS = 10;
const BELL_JOBS_MAX = 5;

export class Lane {
  readonly group: string;
  /** Slots it may use. */
  allotted = 0;
  readonly queue: Job[] = [];
  /** Slots in use, with the number of jobs in each. */
  readonly slots = new Map<SlotPort, number>();
  /** Jobs asked for and not answered. */
  requested = 0;
  /** Jobs that the manager said it would send by itself, and that are not there yet. */
  coming = 0;
  readonly #durationsMs: number[] = [];
  #medianMs = Number.POSITIVE_INFINITY;
  #sinceSorted = 0;
  /** A look at what waits in the queue is due. */
  watched = false;

  constructor(group: string) {
    this.group = group;
  }

  get free(): number {
    return Math.max(0, this.allotted - this.slots.size);
  }

  get short(): boolean {
    return this.#medianMs < SHORT_MS;
  }

  get idle(): boolean {
    return this.queue.length === 0 && this.slots.size === 0 && this.requested === 0 && this.coming === 0;
  }

  /** Jobs to ask for now; one request at a time, and none while there is enough. */
  get wanted(): number {
    if (this.requested > 0 || this.coming > 0) return 0;
    const ahead = this.#ahead();
    const missing = this.free + ahead - this.queue.length;
    // Half of it first: a request for each job that ends would be a round trip for each.
    return this.queue.length >= this.free && missing * 2 < ahead ? 0 : Math.max(0, missing);
  }

  /** Every slot it may use is taken by a command that takes long: what is fetched now might wait for a day. */
  get stuck(): boolean {
    if (this.free > 0) return false;
    for (const slot of this.slots.keys()) if (slot.busyMs() < STUCK_MS) return false;
    return true;
  }

  #ahead(): number {
    if (!this.short || this.allotted === 0 || this.stuck) return 0;
    return Math.min(AHEAD_JOBS_MAX, Math.ceil((AHEAD_MS * this.allotted) / Math.max(1, this.#medianMs)));
  }

  noteDuration(ms: number): void {
    this.#durationsMs.push(ms);
    if (this.#durationsMs.length > REMEMBERED) this.#durationsMs.shift();
    this.#sinceSorted += 1;
    if (this.#durationsMs.length < SEEN_MIN || (this.#sinceSorted < SEEN_MIN && ms < SHORT_MS)) return;
    this.#sinceSorted = 0;
    this.#medianMs =
      this.#durationsMs.toSorted((a, b) => a - b)[this.#durationsMs.length >> 1] ?? Number.POSITIVE_INFINITY;
  }

  /** How many commands may share a notice; 0: they are not short. */
  get bellEvery(): number {
    return this.short
      ? Math.max(1, Math.min(BELL_JOBS_MAX, Math.floor(BELL_MS / Math.max(1, this.#medianMs))))
      : 0;
  }

  /** The slot with the fewest jobs that takes one more behind them. */
  slotAhead(envId: string): SlotPort | undefined {
    let best: SlotPort | undefined;
    // Those that share the next notice, and as many behind them.
    let least = 2 * this.bellEvery;
    for (const [slot, load] of this.slots) {
      if (load >= least || !slot.takesAhead(envId)) continue;
      best = slot;
      least = load;
    }
    return best;
  }

  taken(slot: SlotPort): void {
    this.slots.set(slot, (this.slots.get(slot) ?? 0) + 1);
  }

  /** @returns whether the slot is free now */
  given(slot: SlotPort): boolean {
    const load = (this.slots.get(slot) ?? 1) - 1;
    if (load > 0) this.slots.set(slot, load);
    else this.slots.delete(slot);
    return load <= 0;
  }
}
