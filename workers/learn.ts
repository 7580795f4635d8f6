/** The *learn* task: what the usage of past runs says about the next ones, for a batch of requirement groups. */
import {
  type ByStatistic,
  mergeValues,
  type Recommendation,
  recommendAll,
  STATISTICS,
} from '../core/learning.ts';
import { readUsage } from '../store/group-tables.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { openLmdbReader } from '../store/lmdb.ts';

export interface LearnGroup {
  readonly reqGroup: string;
  /** Values to be taken into its sets: MB of memory, MB of disk, seconds. */
  readonly fresh: ByStatistic<readonly number[]>;
}

export interface LearnTask {
  /** The database's; its last commit counts. */
  readonly path: string;
  readonly groups: readonly LearnGroup[];
}

export interface Learned {
  /** `null`: all values were in the sets already. */
  readonly sets: ByStatistic<Uint32Array> | null;
  readonly recommendation: Recommendation;
}

/** One for each group of the task. */
export type LearnResult = readonly Learned[];

// A worker stays, and its reader with it.
const readers = new Map<string, KeyValueReader>();

export default function learn({ path, groups }: LearnTask): LearnResult {
  let reader = readers.get(path);
  if (reader === undefined) {
    reader = openLmdbReader(path);
    readers.set(path, reader);
  }
  reader.refresh();
  return learnFrom(reader, groups);
}

/** The same on a reader of the caller's: for simulations and tests. */
export function learnFrom(reader: KeyValueReader, groups: readonly LearnGroup[]): LearnResult {
  return groups.map(({ reqGroup, fresh }) => {
    const stored = readUsage(reader, reqGroup);
    const sets = {
      memory: mergeValues(stored.memory, fresh.memory),
      disk: mergeValues(stored.disk, fresh.disk),
      time: mergeValues(stored.time, fresh.time),
    };
    const isNew = STATISTICS.some((statistic) => !isSame(sets[statistic], stored[statistic]));
    return { sets: isNew ? sets : null, recommendation: recommendAll(sets) };
  });
}

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
