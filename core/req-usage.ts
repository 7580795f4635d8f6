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
import type { EndedEvent } from './protocol.ts';

/** Values remembered as merged, a statistic. */
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
  readonly fresh: ByStatistic<Set<number>> = { memory: new Set(), disk: new Set(), time: new Set() };
  readonly #seen: ByStatistic<Set<number>> = { memory: new Set(), disk: new Set(), time: new Set() };

  constructor(reqGroup: string, saved?: SavedUsage) {
    this.reqGroup = reqGroup;
    if (saved === undefined) return;
    Object.assign(this.runs, saved.runs);
    this.recommendation = saved.recommendation;
    for (const statistic of STATISTICS)
      for (const value of saved.fresh[statistic]) this.fresh[statistic].add(value);
  }

  get hasFresh(): boolean {
    return this.fresh.memory.size > 0 || this.fresh.disk.size > 0 || this.fresh.time.size > 0;
  }

  record(usage: Usage): void {
    for (const statistic of STATISTICS) {
      const value = usage[statistic];
      if (value === null) continue;
      this.runs[statistic] += 1;
      if (!this.#seen[statistic].has(value)) this.fresh[statistic].add(value);
    }
  }

  /** These values are in the stored sets now. */
  merged(values: ByStatistic<readonly number[]>): void {
    for (const statistic of STATISTICS) {
      const seen = this.#seen[statistic];
      for (const value of values[statistic]) {
        this.fresh[statistic].delete(value);
        if (seen.size >= SEEN_MAX) seen.clear();
        seen.add(value);
      }
    }
  }

  save(): SavedUsage {
    const { reqGroup, recommendation } = this;
    return { reqGroup, runs: { ...this.runs }, recommendation, fresh: this.freshValues() };
  }

  freshValues(): ByStatistic<readonly number[]> {
    const { memory, disk, time } = this.fresh;
    return { memory: [...memory], disk: [...disk], time: [...time] };
  }
}

/** The groups of jobs in memory. */
export class ReqUsages {
  readonly #groups = new Map<string, ReqUsage>();
  /** Written with the next commit. */
  readonly changed = new Set<ReqUsage>();
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
