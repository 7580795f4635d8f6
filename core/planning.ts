/**
 * Decides how many runners of which scheduler group there should be (jobs.md §6; schedulers.md §2.3, §3).
 *
 * *Packing* is for a scheduler that shares out a machine itself: within what is free, groups are served by priority, then
 * size, then age; a group that does not fit is passed over, so that smaller ones fill the gaps. *Counting* is for a
 * scheduler that has a queue of its own: it is told how many runners could work.
 *
 * A group's numbers stand in columns, one row a group, so that they cross to a worker thread as they are. Cores are
 * counted in thousandths, for sums of fractions must come out even.
 */
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
  /** At most so many runners of the group, open ones included; without it, no limit. */
  readonly slotsMax?: Uint32Array;
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
}

export interface Plan {
  /**
   * Per group: runners that should be there, those open included. Fewer than open when others come first: nothing is
   * stopped, but what ends is not refilled.
   */
  readonly slots: Uint32Array;
  /** Rows of groups with ready jobs that can never run within the capacity. */
  readonly impossible: Uint32Array;
}

const MILLI = 1_000;
/** Without any core, so many negligible jobs may still run at once (schedulers.md §3.1). */
const ZERO_CORE_SLOTS_MIN = 4;
const SIZE_MAX = 255;

/** Pure; 100,000 groups take about 30 ms. */
export function decide(input: PlanInput): Plan {
  const { groups, capacity } = input;
  const impossible: number[] = [];
  const wanted: number[] = [];
  const slots = Uint32Array.from(groups.open);
  for (let row = 0; row < slots.length; row += 1) {
    if ((groups.ready[row] as number) === 0) continue;
    if (!canEverRun(groups.memoryMb[row] as number, groups.cpus[row] as number, capacity))
      impossible.push(row);
    else wanted.push(row);
  }
  if (input.how === 'count')
    for (const row of wanted) slots[row] = openSlots(groups, row) + startable(groups, row);
  else pack(groups, capacity, wanted, slots);
  return { slots, impossible: Uint32Array.from(impossible) };
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

/**
 * Twice over the groups in order. What would each have if the machine were empty? A group that has more is not refilled
 * as its jobs end. And what fits now, beside everything that is open, starts.
 */
function pack(
  groups: PlanGroups,
  capacity: PlanCapacity,
  wanted: readonly number[],
  slots: Uint32Array,
): void {
  const order = inOrder(groups, capacity, wanted);
  const ideal = new Uint32Array(slots.length);
  const empty = new Free(capacity);
  const free = new Free(capacity);
  const isWanted = new Set(wanted);
  for (let row = 0; row < slots.length; row += 1) {
    free.take(groups, row, openSlots(groups, row));
    if (!isWanted.has(row)) empty.take(groups, row, openSlots(groups, row)); // Nothing of it is to start: it just ends.
  }
  for (const row of order) {
    ideal[row] = Math.min(openSlots(groups, row) + startable(groups, row), empty.fitting(groups, row));
    empty.take(groups, row, ideal[row] as number);
  }
  for (const row of order) {
    const starting = Math.min(startable(groups, row), free.fitting(groups, row));
    free.take(groups, row, starting);
    slots[row] =
      starting > 0
        ? openSlots(groups, row) + starting
        : Math.min(ideal[row] as number, openSlots(groups, row));
  }
}

/** Priority descending, size descending, then first come. */
function inOrder(groups: PlanGroups, capacity: PlanCapacity, wanted: readonly number[]): Uint32Array {
  const rank = new Float64Array(groups.ready.length);
  for (const row of wanted) {
    const size = sizeOf(groups.memoryMb[row] as number, groups.cpus[row] as number, capacity);
    rank[row] = -((groups.priority[row] as number) * (SIZE_MAX + 1) + size);
  }
  const { arrival } = groups;
  return Uint32Array.from(wanted).sort(
    (a, b) =>
      (rank[a] as number) - (rank[b] as number) || (arrival[a] as number) - (arrival[b] as number) || a - b,
  );
}

function openSlots(groups: PlanGroups, row: number): number {
  return groups.open[row] as number;
}

/** Ready jobs of a group that its limit lets start. */
function startable(groups: PlanGroups, row: number): number {
  const ready = groups.ready[row] as number;
  const most = groups.slotsMax?.[row];
  return most === undefined ? ready : Math.max(0, Math.min(ready, most - openSlots(groups, row)));
}

/** What is left of a machine. May fall below nothing when the capacity was lowered while jobs run. */
class Free {
  #milliCpus: number;
  #memoryMb: number;
  #zeroCoreSlots: number;

  constructor(capacity: PlanCapacity) {
    this.#milliCpus = Math.round(capacity.cpus * MILLI);
    this.#memoryMb = capacity.memoryMb;
    this.#zeroCoreSlots = zeroCoreSlots(capacity.cpus);
  }

  take(groups: PlanGroups, row: number, count: number): void {
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
    return Math.max(0, Math.min(byMemory, byCpus));
  }
}

/** A fraction too small to show still asks for something. */
function milliOf(cpus: number): number {
  return cpus === 0 ? 0 : Math.max(1, Math.round(cpus * MILLI));
}
