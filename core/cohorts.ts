/**
 * Cohorts: jobs that are given the same, because they asked for the same, belong to one requirement group and have grown
 * alike. A row of the job table names its cohort; the cohort says in which scheduler group its jobs are served now.
 *
 * ```
 * row ──► cohort {asked, requirement group, grown} ──► scheduler group "200:30:1:1"
 * row ──►        "            "                  ╱
 * row ──► cohort ───────────────────────────────╯
 * ```
 *
 * So when a recommendation changes, a cohort moves to another scheduler group with all of its ready jobs, ten or ten
 * million, without one of them being looked at. A job that ran out of something moves to a cohort of its own figures.
 */
import {
  type Asked,
  type Chosen,
  chooseFigures,
  type Figures,
  isGrown,
  NOT_GROWN,
  sameFigures,
} from './figures.ts';
import type { FiguresTable } from './figures-table.ts';
import type { JobOptions } from './job-options.ts';
import { NOTHING_LEARNED } from './learning.ts';
import type { Queued } from './ready-cohorts.ts';
import { ReadyGroup } from './ready-queue.ts';
import { type ReqUsage, ReqUsages } from './req-usage.ts';
import { requirementsOf, schedulerGroupOf } from './requirements.ts';
import type { SchedulerGroup, SchedulerGroups } from './scheduler-groups.ts';

export interface Cohort extends Queued {
  readonly id: number;
  readonly name: string;
  /** Templates whose jobs are of it, and jobs of its own figures; without any it is dropped. */
  users: number;
  /** What its jobs asked for. */
  readonly asked: JobOptions;
  /** The least its jobs need after they ran out; zeros: they have not. */
  readonly grown: Figures;
  /** What is known of its requirement group; `null`: nothing is learned for it. */
  readonly usage: ReqUsage | null;
  readonly ready: ReadyGroup;
  /** The group of what its jobs asked for: where a runner started for that may still find them. */
  readonly home: SchedulerGroup;
  /** Where its jobs are served now. */
  group: SchedulerGroup;
  /** What its jobs are given now. */
  chosen: Chosen;
}

export class Cohorts {
  readonly usages = new ReqUsages();
  /** What the rows of each are given, for the worker threads. */
  readonly table: FiguresTable;
  readonly #groups: SchedulerGroups;
  readonly #cohorts: (Cohort | undefined)[] = [];
  readonly #ids = new Map<string, number>();
  readonly #freeIds: number[] = [];
  readonly #byUsage = new Map<ReqUsage, Set<Cohort>>();
  /** Without users, perhaps. */
  readonly #unused = new Set<Cohort>();
  /** MB that the scheduler can ever give; what is learned stays below. */
  memoryMbMax = Number.POSITIVE_INFINITY;

  constructor(groups: SchedulerGroups, table: FiguresTable) {
    this.#groups = groups;
    this.table = table;
  }

  /** One past the highest id. */
  get end(): number {
    return this.#cohorts.length;
  }

  get(id: number): Cohort {
    return this.#cohorts[id] as Cohort;
  }

  *all(): Iterable<Cohort> {
    for (const cohort of this.#cohorts) if (cohort !== undefined) yield cohort;
  }

  /** The cohort of jobs with these options. */
  intern(options: JobOptions, grown: Figures = NOT_GROWN): Cohort {
    const name = cohortName(options, grown);
    const id = this.#ids.get(name);
    return id === undefined ? this.#make(name, options, grown) : this.get(id);
  }

  get hasUnused(): boolean {
    return this.#unused.size > 0;
  }

  retain(cohort: Cohort, users = 1): void {
    cohort.users += users;
    this.#unused.delete(cohort);
  }

  release(cohort: Cohort, users = 1): void {
    cohort.users -= users;
    if (cohort.users === 0) this.#unused.add(cohort);
  }

  /** Drops up to `max` without users. @returns how many */
  trim(max: number): number {
    let dropped = 0;
    for (const cohort of this.#unused) {
      if (dropped === max) break;
      this.#unused.delete(cohort);
      this.#drop(cohort);
      dropped += 1;
    }
    return dropped;
  }

  /**
   * Gives the jobs of a requirement group what is recommended now.
   * @returns whether any of them is served elsewhere
   */
  apply(usage: ReqUsage): boolean {
    let moved = false;
    for (const cohort of this.#byUsage.get(usage) ?? []) moved = this.#choose(cohort) || moved;
    return moved;
  }

  #make(name: string, options: JobOptions, grown: Figures): Cohort {
    const usage = options.reqGroup === null ? null : this.usages.of(options.reqGroup);
    const chosen = this.#chosen(options, usage, grown);
    const home = this.#groups.intern(schedulerGroupOf(options), options);
    const cohort: Cohort = {
      id: this.#freeIds.pop() ?? this.#cohorts.length,
      name,
      users: 0,
      asked: options,
      grown,
      usage,
      ready: new ReadyGroup(),
      home,
      group: this.#groupFor(options, chosen.figures),
      chosen,
      at: -1,
      priority: 0,
      head: 0,
    };
    this.#ids.set(name, cohort.id);
    this.#cohorts[cohort.id] = cohort;
    this.#unused.add(cohort);
    this.#groups.retain(home);
    this.#groups.retain(cohort.group);
    this.table.write(cohort.id, chosen);
    if (cohort.group !== home) home.away.add(cohort);
    if (usage !== null) this.#listByUsage(usage, cohort);
    return cohort;
  }

  #listByUsage(usage: ReqUsage, cohort: Cohort): void {
    const listed = this.#byUsage.get(usage);
    if (listed === undefined) this.#byUsage.set(usage, new Set([cohort]));
    else listed.add(cohort);
    this.usages.unused.delete(usage);
  }

  #drop(cohort: Cohort): void {
    const { id, name, usage, home, group } = cohort;
    this.#cohorts[id] = undefined;
    this.#ids.delete(name);
    this.#freeIds.push(id);
    home.away.delete(cohort);
    this.#groups.release(home);
    this.#groups.release(group);
    const listed = usage === null ? undefined : this.#byUsage.get(usage);
    listed?.delete(cohort);
    if (usage === null || listed?.size !== 0) return;
    this.#byUsage.delete(usage);
    this.usages.unused.add(usage);
  }

  /** @returns whether it moved */
  #choose(cohort: Cohort): boolean {
    const { asked, usage, grown, home, group: before } = cohort;
    cohort.chosen = this.#chosen(asked, usage, grown);
    this.table.write(cohort.id, cohort.chosen);
    const group = this.#groupFor(asked, cohort.chosen.figures);
    if (group === before) return false;
    before.ready.leave(cohort);
    cohort.group = group;
    this.#groups.retain(group);
    this.#groups.release(before);
    group.ready.join(cohort);
    if (group === home) home.away.delete(cohort);
    else home.away.add(cohort);
    this.#groups.note(before);
    this.#groups.note(group);
    return true;
  }

  #chosen(asked: Asked, usage: ReqUsage | null, grown: Figures): Chosen {
    return chooseFigures(asked, usage?.recommendation ?? NOTHING_LEARNED, grown, this.memoryMbMax);
  }

  #groupFor(asked: JobOptions, figures: Figures): SchedulerGroup {
    const wanted = sameFigures(asked, figures) ? asked : { ...asked, ...figures };
    return this.#groups.intern(schedulerGroupOf(wanted), wanted);
  }
}

/** Whether a runner that was started for `home` can run what a cohort is given now. */
export function fits(cohort: Cohort, home: SchedulerGroup): boolean {
  const { memoryMb, timeMs } = requirementsOf({ ...cohort.asked, ...cohort.chosen.figures });
  return memoryMb <= home.memoryMb && timeMs <= home.timeMs;
}

/** Equal for jobs that ask for the same and are treated alike. */
function cohortName(options: JobOptions, grown: Figures): string {
  const { memoryMb, memorySet, timeMs, timeSet, diskGb, diskSet, override, reqGroup } = options;
  const words = [memoryMb, memorySet, timeMs, timeSet, diskGb, diskSet, override, reqGroup];
  if (isGrown(grown)) words.push(grown.memoryMb, grown.timeMs, grown.diskGb);
  return `${schedulerGroupOf(options)} ${JSON.stringify(words)}`;
}
