/**
 * What is known of requirement groups on the main thread: how many runs were recorded, what is recommended, and the values
 * that are not in the stored sets yet.
 *
 * A value is on disk with the outcome it came from: a group that was recorded is written with the same commit. Merging into
 * the sets is a worker's work (workers/learn.ts); it takes only values that were not seen lately, so that a stream of
 * trivial commands comes down to a counter.
 */
import {
  type ByStatistic,
  NOTHING_LEARNED,
  type Recommendation,
  STATISTICS,
  type Statistic,
} from './learning.ts';
import type { EndedEvent } from './runner-messages.ts';

/** Values remembered as merged, of a group. */
const SEEN_MAX = 4_096;

/** What is written of a group. */
export interface SavedUsage {
  readonly reqGroup: string;
  readonly runs: ByStatistic<number>;
  readonly recommendation: Recommendation;
  /** Not merged yet. */
  readonly fresh: ByStatistic<readonly number[]>;
}

/** MB of memory, MB of disk, whole seconds; `null`: not recorded. */
export type Usage = ByStatistic<number | null>;

export class ReqUsage {
  readonly reqGroup: string;
  readonly runs: Record<Statistic, number> = { memory: 0, disk: 0, time: 0 };
  recommendation: Recommendation = NOTHING_LEARNED;
  /** Values not merged yet, and some of those that are; made when needed, for there may be many groups with one job each. */
  #fresh: Set<number> | null = null;
  #seen: Set<number> | null = null;

  constructor(reqGroup: string, saved?: SavedUsage) {
    this.reqGroup = reqGroup;
    if (saved === undefined) return;
    Object.assign(this.runs, saved.runs);
    this.recommendation = saved.recommendation;
    STATISTICS.forEach((statistic, i) => {
      for (const value of saved.fresh[statistic]) this.#add(value, i);
    });
  }

  get hasFresh(): boolean {
    return this.#fresh !== null && this.#fresh.size > 0;
  }

  record(usage: Usage): void {
    for (let i = 0; i < STATISTICS.length; i += 1) {
      const statistic = STATISTICS[i] as Statistic;
      const value = usage[statistic];
      if (value === null) continue;
      this.runs[statistic] += 1;
      if (this.#seen === null || !this.#seen.has(wordOf(value, i))) this.#add(value, i);
    }
  }

  /** These values are in the stored sets now. */
  merged(values: ByStatistic<readonly number[]>): void {
    this.#seen ??= new Set();
    for (let i = 0; i < STATISTICS.length; i += 1) {
      for (const value of values[STATISTICS[i] as Statistic]) {
        this.#fresh?.delete(wordOf(value, i));
        if (this.#seen.size >= SEEN_MAX) this.#seen.clear();
        this.#seen.add(wordOf(value, i));
      }
    }
  }

  save(): SavedUsage {
    const { reqGroup, recommendation } = this;
    return { reqGroup, runs: { ...this.runs }, recommendation, fresh: this.freshValues() };
  }

  freshValues(): ByStatistic<readonly number[]> {
    const values: Record<Statistic, number[]> = { memory: [], disk: [], time: [] };
    for (const word of this.#fresh ?? []) {
      const i = word % STATISTICS.length;
      values[STATISTICS[i] as Statistic].push((word - i) / STATISTICS.length);
    }
    return values;
  }

  #add(value: number, statistic: number): void {
    this.#fresh ??= new Set();
    this.#fresh.add(wordOf(value, statistic));
  }
}

/** A value and the index of its statistic as one number. */
function wordOf(value: number, statistic: number): number {
  return value * STATISTICS.length + statistic;
}

/** The groups of jobs in memory. */
export class ReqUsages {
  readonly #groups = new Map<string, ReqUsage>();
  /** Written with the next commit. */
  readonly changed = new Set<ReqUsage>();
  /** Of no job in memory. */
  readonly unused = new Set<ReqUsage>();
  /** With values for the worker. */
  readonly fresh = new Set<ReqUsage>();
  /** What the disk has of a group. */
  source: (reqGroup: string) => SavedUsage | undefined = () => undefined;

  of(reqGroup: string): ReqUsage {
    const known = this.#groups.get(reqGroup);
    if (known !== undefined) return known;
    const usage = new ReqUsage(reqGroup, this.source(reqGroup));
    this.#groups.set(reqGroup, usage);
    if (usage.hasFresh) this.fresh.add(usage);
    return usage;
  }

  /** Drops up to `max` that no job needs; to be called while all that is not in `changed` is on disk. @returns how many */
  trim(max: number): number {
    let dropped = 0;
    for (const usage of this.unused) {
      if (dropped === max) break;
      if (this.changed.has(usage) || this.fresh.has(usage)) continue;
      this.unused.delete(usage);
      this.#groups.delete(usage.reqGroup);
      dropped += 1;
    }
    return dropped;
  }

  record(usage: ReqUsage, values: Usage): void {
    usage.record(values);
    this.changed.add(usage);
    if (usage.hasFresh) this.fresh.add(usage);
  }

  /** What a worker made of the values taken before. */
  merged(usage: ReqUsage, values: ByStatistic<readonly number[]>, recommendation: Recommendation): void {
    usage.merged(values);
    usage.recommendation = recommendation;
    this.changed.add(usage);
    if (!usage.hasFresh) this.fresh.delete(usage);
  }
}

/**
 * What the end of an attempt tells of its requirement group: everything after a success, and after a failure only what the
 * command ran out of (jobs.md §9). Disk is not measured in a directory that is the user's own, nor is the memory of
 * commands that are over before a first look: nothing is not what they used.
 */
export function usageOf(event: EndedEvent, cwdMatters: boolean): Usage {
  const { outcome, reason, startedMs, endedMs } = event;
  const isComplete = outcome === 'complete';
  return {
    memory:
      event.peakRamMb > 0 && (isComplete || reason === 'command used too much RAM')
        ? Math.ceil(event.peakRamMb)
        : null,
    disk:
      !cwdMatters && (isComplete || reason === 'ran out of disk space') ? Math.ceil(event.peakDiskMb) : null,
    time:
      startedMs > 0 && (isComplete || reason === 'command used too much time')
        ? Math.max(1, Math.ceil((endedMs - startedMs) / 1_000))
        : null,
  };
}
