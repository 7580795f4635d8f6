/**
 * What past usage says about the next run of a requirement group (spec: jobs.md §9; docs/decisions/0010-learning.md).
 *
 * Of each statistic a *set* of values is kept, ascending: runs of equal usage count once, so that a million trivial
 * commands do not drown the ten that need more.
 */
export const STATISTICS = ['memory', 'disk', 'time'] as const;
export type Statistic = (typeof STATISTICS)[number];

/** One number a statistic. */
export type ByStatistic<Value> = Readonly<Record<Statistic, Value>>;

/** What to ask for; 0: nothing was learned of it. */
export interface Recommendation {
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly timeMs: number;
}

export const NOTHING_LEARNED: Recommendation = { memoryMb: 0, diskGb: 0, timeMs: 0 };

/** Values kept in a set: the highest. Beyond it the recommendation is a little higher than over all values, never lower. */
export const SET_VALUES_MAX = 4_000;
/** Values that lie above what is recommended: so many, or a share of them once there are many. */
const WINDOW = 5;
const MANY = 100;
const WINDOW_SHARE = 0.05;

const MB_PER_GB = 1_024;
const MS_PER_SECOND = 1_000;
/** What a recommendation is rounded up to: MB of memory, MB of disk, seconds. */
const UNIT: ByStatistic<number> = { memory: 100, disk: 100, time: 1 };

/**
 * @param values - a set: ascending, each once
 * @param unit - the result is a multiple of it, and at least one of it
 * @returns 0 without values
 */
export function recommend(values: ArrayLike<number>, unit: number): number {
  const count = values.length;
  if (count === 0) return 0;
  const max = values[count - 1] as number;
  const window = count > MANY ? Math.floor(count * WINDOW_SHARE) : WINDOW;
  const chosen = values[count - 1 - window] ?? max;
  const value = max - chosen < unit ? max : chosen;
  return Math.max(unit, Math.ceil(value / unit) * unit);
}

/** @param sets - of memory and disk in MB, of time in seconds */
export function recommendAll(sets: ByStatistic<ArrayLike<number>>): Recommendation {
  return {
    memoryMb: recommend(sets.memory, UNIT.memory),
    diskGb: Math.ceil(recommend(sets.disk, UNIT.disk) / MB_PER_GB),
    timeMs: recommend(sets.time, UNIT.time) * MS_PER_SECOND,
  };
}

/** A set with further values: ascending, each once, the highest {@link SET_VALUES_MAX}. */
export function mergeValues(set: Uint32Array, fresh: Iterable<number>): Uint32Array {
  const merged = Uint32Array.from(new Set([...set, ...fresh])).sort();
  return merged.length <= SET_VALUES_MAX ? merged : merged.slice(merged.length - SET_VALUES_MAX);
}
