/** Summaries of jobs of which no counter knows, named one by one or by their host: each is read. Report groups as a whole are counted already. */

import type { GroupSummary, StateCounts } from '../core/client-replies.ts';
import type { JobTable } from '../core/job-table.ts';
import { STATE, STATE_NAMES } from '../core/states.ts';
import { UsageSums } from '../core/usage-sums.ts';
import { GroupMatcher } from './group-matcher.ts';
import type { JobReader, ReadJob } from './job-reader.ts';
import { candidates, type ListingScope } from './listing.ts';

export interface Summaries {
  /** By name. */
  readonly groups: readonly GroupSummary[];
  readonly all: GroupSummary;
}

/** Keys named per kind of burial. */
const BURIED_KEYS_MAX = 1_000;

export function summarise(scope: ListingScope, reader: JobReader, table: JobTable): Summaries {
  const sums = new Map<string, GroupSum>();
  const all = new GroupSum('all above');
  const matcher = new GroupMatcher(scope, reader);
  for (const { number } of candidates(scope, reader, table, { phase: 0, number: 0 })) {
    const job = reader.read(number, table);
    if (job === undefined || !onHost(job, scope.host ?? '') || isTooOld(job, scope)) continue;
    for (const name of matcher.namesOf(number, job.options.repGroup)) {
      let sum = sums.get(name);
      if (sum === undefined) {
        sum = new GroupSum(name);
        sums.set(name, sum);
      }
      sum.add(job);
    }
    all.add(job);
  }
  const groups = [...sums.values()].map((sum) => sum.summary());
  return { groups: groups.sort((a, b) => (a.repGroup < b.repGroup ? -1 : 1)), all: all.summary() };
}

/** A late report: written lately, of a job that ended long ago. */
export function isTooOld({ record }: ReadJob, { endedSinceMs }: ListingScope): boolean {
  return endedSinceMs !== undefined && record.endedMs < endedSinceMs;
}

/** It runs or ran on the host of this name or IP; '': any. */
export function onHost({ record }: ReadJob, host: string): boolean {
  return host === '' || record.host === host || record.ip === host;
}

class GroupSum {
  readonly #name: string;
  readonly #counts: Record<string, number> = {};
  readonly #usage = new UsageSums();
  readonly #buried = new Map<
    string,
    { exitCode: number; reason: ReadJob['record']['reason']; keys: string[] }
  >();

  constructor(name: string) {
    this.#name = name;
  }

  add(job: ReadJob): void {
    const state = STATE_NAMES[job.state] ?? '';
    this.#counts[state] = (this.#counts[state] ?? 0) + 1;
    if (job.state === STATE.complete) this.#addComplete(job);
    else if (job.state === STATE.buried) this.#addBuried(job);
  }

  #addComplete({ record }: ReadJob): void {
    const startedMs = record.startedMs || record.endedMs;
    const wall = Math.max(0, record.endedMs - startedMs);
    const figures = { memory: record.peakRamMb, disk: record.peakDiskMb, wall, cpu: record.cpuMs };
    this.#usage.add(
      1,
      (used) => figures[used],
      (used) => figures[used] ** 2,
    );
    this.#usage.addTimes(startedMs, record.endedMs);
  }

  #addBuried({ key, record: { exitCode, reason } }: ReadJob): void {
    const kind = this.#buried.get(`${exitCode} ${reason}`) ?? { exitCode, reason, keys: [] };
    this.#buried.set(`${exitCode} ${reason}`, kind);
    if (kind.keys.length < BURIED_KEYS_MAX) kind.keys.push(key);
  }

  summary(): GroupSummary {
    const counts = Object.fromEntries(
      STATE_NAMES.filter((name) => name !== 'none' && name !== 'removed').map((name) => [
        name,
        this.#counts[name] ?? 0,
      ]),
    ) as unknown as StateCounts;
    const buried = [...this.#buried.values()];
    return { repGroup: this.#name, counts, ...this.#usage.summary(), buried };
  }
}
