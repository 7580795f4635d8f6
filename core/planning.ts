/**
 * Decides how many runners of which scheduler group there should be (jobs.md §6; schedulers.md §2.3, §3).
 *
 * *Packing* is for a scheduler that shares out a machine itself: within what is free, groups are served by priority, then
 * size, then age; a group that does not fit is passed over, so that smaller ones fill the gaps. *Counting* is for a
 * scheduler that has a queue of its own: it is told how many runners could work. Either way groups that share a bound, a
 * limit group or a counted resource, take turns within a priority (plan-turns.ts) and never get more of it than there is.
 *
 * A group's numbers stand in columns, one row a group, so that they cross to a worker thread as they are. Cores are
 * counted in thousandths, for sums of fractions must come out even.
 */
import { type BoundColumns, Shares } from './plan-shares.ts';
import { takeTurns } from './plan-turns.ts';

export interface PlanGroups {
  /** Jobs that could start now. */
  readonly ready: Uint32Array;
  /** Attempts open: they hold what they were given until they end. */
  readonly open: Uint32Array;
  /** The highest of its ready jobs, 0–255. */
  readonly priority: Uint8Array;
  /** MB a runner; 0: does not count. */
  readonly memoryMb: Float64Array;
  /** Cores a runner; 0: negligible, limited by an allowance of their own. */
  readonly cpus: Float64Array;
  /** Lower came first; the job number or the time of its oldest ready job. */
  readonly arrival: Float64Array;
}

export interface PlanCapacity {
  /** Infinity: no limit. 0: only jobs that ask for none. */
  readonly cpus: number;
  readonly memoryMb: number;
}

export interface PlanInput {
  readonly how: 'pack' | 'count';
  readonly groups: PlanGroups;
  readonly capacity: PlanCapacity;
  /** What groups share; without it, nothing. */
  readonly bounds?: BoundColumns;
}

export interface Plan {
  /**
   * Per group: runners that should be there, those open included. Fewer than open when others come first: nothing is
   * stopped, but what ends is not refilled.
   */
  readonly slots: Uint32Array;
  /** Rows of groups with ready jobs that can never run within the capacity. */
  readonly impossible: Uint32Array;
  /** Some groups with ready jobs share a bound: whose turn it is depends on the time. */
  readonly contested: boolean;
  /** Rows that come next, in order, once something is free: groups that got nothing although limits and resources would let them start. */
  readonly next: Uint32Array;
}

const MILLI = 1_000;
/** Without any core, so many negligible jobs may still run at once (schedulers.md §3.1). */
const ZERO_CORE_SLOTS_MIN = 4;
const SIZE_MAX = 255;
/** What may come between one plan and the next need not be longer. */
const NEXT_MAX = 256;
/** Above every rank, and above every place. */
const RANKS = 2 ** 16;
const PLACES = 2 ** 32;

/** Pure; 100,000 groups take about 30 ms. */
export function decide(input: PlanInput): Plan {
  const { groups, capacity } = input;
  const impossible: number[] = [];
  const wanted = new Uint32Array(groups.ready.length);
  let count = 0;
  const slots = Uint32Array.from(groups.open);
  const shares = input.bounds === undefined ? null : new Shares(input.bounds);
  for (let row = 0; row < slots.length; row += 1) {
    if ((groups.ready[row] as number) === 0) continue;
    const fits = canEverRun(groups.memoryMb[row] as number, groups.cpus[row] as number, capacity);
    if (fits && shares?.canEver(row) !== false) {
      wanted[count] = row;
      count += 1;
    } else impossible.push(row);
  }
  const order = inOrder(groups, capacity, wanted.subarray(0, count));
  const contested = input.bounds !== undefined && takeTurns(order, groups.priority, input.bounds);
  const next: number[] = [];
  if (input.how === 'count') countRunners(groups, order, shares, slots);
  else pack(groups, capacity, order, input.bounds, slots, next);
  return { slots, impossible: Uint32Array.from(impossible), contested, next: Uint32Array.from(next) };
}

/** Whether a runner of such a size fits a machine that does nothing else. */
export function canEverRun(memoryMb: number, cpus: number, capacity: PlanCapacity): boolean {
  return memoryMb <= capacity.memoryMb && Math.ceil(cpus) <= capacity.cpus;
}

/** 0–255: the larger of the shares of memory and of cores. */
export function sizeOf(memoryMb: number, cpus: number, capacity: PlanCapacity): number {
  const percent = 100 * Math.max(share(memoryMb, capacity.memoryMb), share(cpus, capacity.cpus));
  return Math.min(SIZE_MAX, Math.round(2.55 * percent));
}

/** How many jobs of no cores may run at once. */
export function zeroCoreSlots(cpus: number): number {
  return cpus === 0 ? ZERO_CORE_SLOTS_MIN : 2 * cpus;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** As many as could work, of what is shared those that come first. */
function countRunners(
  groups: PlanGroups,
  order: Uint32Array,
  shares: Shares | null,
  slots: Uint32Array,
): void {
  for (const row of order) {
    const starting = Math.min(readyJobs(groups, row), shares?.fitting(row) ?? Number.POSITIVE_INFINITY);
    shares?.take(row, starting);
    slots[row] = openSlots(groups, row) + starting;
  }
}

/**
 * Twice over the groups in order. What would each have if the machine were empty? A group that has more is not refilled
 * as its jobs end. And what fits now, beside everything that is open, starts.
 */
function pack(
  groups: PlanGroups,
  capacity: PlanCapacity,
  order: Uint32Array,
  bounds: BoundColumns | undefined,
  slots: Uint32Array,
  next: number[],
): void {
  const ideal = new Uint32Array(slots.length);
  const empty = new Free(capacity, bounds === undefined ? null : new Shares(bounds, 'unused'));
  const free = new Free(capacity, bounds === undefined ? null : new Shares(bounds));
  const isWanted = new Uint8Array(slots.length);
  for (const row of order) isWanted[row] = 1;
  for (let row = 0; row < slots.length; row += 1) {
    free.takeMachine(groups, row, openSlots(groups, row));
    if (isWanted[row] === 0) empty.take(groups, row, openSlots(groups, row)); // Nothing of it is to start: it just ends.
  }
  for (const row of order) {
    const most = openSlots(groups, row) + readyJobs(groups, row);
    ideal[row] = Math.min(most, empty.fitting(groups, row));
    empty.take(groups, row, ideal[row] as number);
  }
  for (const row of order) {
    const open = openSlots(groups, row);
    const starting = Math.min(readyJobs(groups, row), free.fitting(groups, row));
    free.take(groups, row, starting);
    if (starting === 0 && (ideal[row] as number) > open) free.keepFor(row);
    if (starting === 0 && next.length < NEXT_MAX && free.sharesAllow(row)) next.push(row);
    slots[row] = starting > 0 ? open + starting : Math.min(ideal[row] as number, open);
  }
}

/** Priority descending, size descending, then first come. */
function inOrder(groups: PlanGroups, capacity: PlanCapacity, wanted: Uint32Array): Uint32Array {
  const rows = byArrival(groups, wanted);
  // Sorted as plain numbers, which is several times as fast as by a function: rank in the upper bits, place below.
  const keys = new Float64Array(rows.length);
  for (let place = 0; place < rows.length; place += 1) {
    const row = rows[place] as number;
    const size = sizeOf(groups.memoryMb[row] as number, groups.cpus[row] as number, capacity);
    const rank = RANKS - ((groups.priority[row] as number) * (SIZE_MAX + 1) + size);
    keys[place] = rank * PLACES + place;
  }
  keys.sort();
  const order = new Uint32Array(rows.length);
  for (let i = 0; i < keys.length; i += 1) order[i] = rows[(keys[i] as number) % PLACES] as number;
  return order;
}

function byArrival({ arrival }: PlanGroups, wanted: Uint32Array): Uint32Array {
  const at = (row: number): number => arrival[row] as number;
  const inPlace = wanted.every((row, i) => i === 0 || at(wanted[i - 1] as number) <= at(row));
  return inPlace ? wanted : wanted.toSorted((a, b) => at(a) - at(b));
}

function openSlots(groups: PlanGroups, row: number): number {
  return groups.open[row] as number;
}

function readyJobs(groups: PlanGroups, row: number): number {
  return groups.ready[row] as number;
}

/** What is left of a machine. May fall below nothing when the capacity was lowered while jobs run. */
class Free {
  #milliCpus: number;
  #memoryMb: number;
  #zeroCoreSlots: number;
  readonly #shares: Shares | null;

  constructor(capacity: PlanCapacity, shares: Shares | null) {
    this.#shares = shares;
    this.#milliCpus = Math.round(capacity.cpus * MILLI);
    this.#memoryMb = capacity.memoryMb;
    this.#zeroCoreSlots = zeroCoreSlots(capacity.cpus);
  }

  take(groups: PlanGroups, row: number, count: number): void {
    if (count === 0) return;
    this.#shares?.take(row, count);
    this.takeMachine(groups, row, count);
  }

  /** Takes of cores and memory alone: what is shared was counted as it was handed out. */
  takeMachine(groups: PlanGroups, row: number, count: number): void {
    if (count === 0) return;
    this.#memoryMb -= count * (groups.memoryMb[row] as number);
    const milli = milliOf(groups.cpus[row] as number);
    if (milli === 0) this.#zeroCoreSlots -= count;
    else this.#milliCpus -= count * milli;
  }

  fitting(groups: PlanGroups, row: number): number {
    const memoryMb = groups.memoryMb[row] as number;
    const milli = milliOf(groups.cpus[row] as number);
    const byMemory = memoryMb === 0 ? Number.POSITIVE_INFINITY : Math.floor(this.#memoryMb / memoryMb);
    const byCpus = milli === 0 ? Math.floor(this.#zeroCoreSlots) : Math.floor(this.#milliCpus / milli);
    const shared = this.#shares?.fitting(row) ?? Number.POSITIVE_INFINITY;
    return Math.max(0, Math.min(byMemory, byCpus, shared));
  }

  /** Whether limits and resources leave room for one more of it. */
  sharesAllow(row: number): boolean {
    return this.#shares === null || this.#shares.fitting(row) > 0;
  }

  /** It waits for more of a resource than is free: what becomes free must gather, not go to others. */
  keepFor(row: number): void {
    this.#shares?.keepFor(row);
  }
}

/** A fraction too small to show still asks for something. */
function milliOf(cpus: number): number {
  return cpus === 0 ? 0 : Math.max(1, Math.round(cpus * MILLI));
}
