/** Scheduler groups: jobs that a runner may take one after the other, because they ask for the same (jobs.md §6). */
import type { Cohort } from './cohorts.ts';
import type { JobOptions } from './job-options.ts';
import { limitGroupNames } from './limit-names.ts';
import { type LimitGroup, LimitGroups } from './limits.ts';
import { PlanTable } from './plan-table.ts';
import { ReadyCohorts } from './ready-cohorts.ts';
import { requirementsOf } from './requirements.ts';
import type { ResourceIds, Resources } from './resource-names.ts';
import { ResourcePool } from './resources.ts';

export interface SchedulerGroup {
  readonly id: number;
  readonly name: string;
  /** What a runner of it is given. */
  readonly memoryMb: number;
  readonly timeMs: number;
  readonly cpus: number;
  readonly other: Readonly<Record<string, string>>;
  readonly limitNames: readonly string[];
  /** Units that each attempt takes. */
  readonly resources: Resources;
  /** It shares something with others: there are limit groups or resources. */
  readonly shares: boolean;
  readonly ready: ReadyCohorts<Cohort>;
  /** Cohorts that asked for what it gives, and are given something else now. */
  readonly away: Set<Cohort>;
  /** Attempts open: reserved, running or lost. */
  held: number;
  /** Cohorts that ask for it or are served in it; without any, and without attempts, it is dropped. */
  users: number;
  /** The limit groups of `limitNames`, while the group has ready or held jobs. */
  limits: readonly LimitGroup[];
}

const NO_LIMITS: readonly LimitGroup[] = [];

export class SchedulerGroups {
  readonly #ids = new Map<string, number>();
  readonly #groups: (SchedulerGroup | undefined)[] = [];
  /** Without users, perhaps. */
  readonly #unused = new Set<SchedulerGroup>();
  /** Ids of groups that were dropped, and that a plan under way may still name. */
  readonly #cooling: number[] = [];
  readonly #freeIds: number[] = [];
  /** What planning reads. */
  readonly table = new PlanTable();
  readonly limits = new LimitGroups(this.table);
  readonly resources = new ResourcePool(this.table);
  /** Groups with ready or held jobs: what planning looks at. */
  readonly active = new Set<SchedulerGroup>();
  /** Those with held jobs. */
  readonly holding = new Set<SchedulerGroup>();

  intern(name: string, options: JobOptions): SchedulerGroup {
    const known = this.find(name);
    if (known !== undefined) return known;
    const requirements = requirementsOf(options);
    const limitNames = limitGroupNames(options.limitGroups);
    const { resources } = options;
    const group: SchedulerGroup = {
      id: this.#freeIds.pop() ?? this.#groups.length,
      name,
      memoryMb: requirements.memoryMb,
      timeMs: requirements.timeMs,
      cpus: requirements.cpus,
      other: requirements.other,
      limitNames,
      resources,
      shares: limitNames.length > 0 || Object.keys(resources).length > 0,
      ready: new ReadyCohorts(),
      away: new Set(),
      held: 0,
      users: 0,
      limits: NO_LIMITS,
    };
    this.#ids.set(name, group.id);
    this.#groups[group.id] = group;
    this.#unused.add(group);
    this.table.addGroup(group);
    return group;
  }

  find(name: string): SchedulerGroup | undefined {
    const id = this.#ids.get(name);
    return id === undefined ? undefined : this.#groups[id];
  }

  get(id: number): SchedulerGroup {
    return this.#groups[id] as SchedulerGroup;
  }

  /** `undefined`: it was dropped meanwhile. */
  known(id: number): SchedulerGroup | undefined {
    return this.#groups[id];
  }

  /** One past the highest id. */
  get end(): number {
    return this.#groups.length;
  }

  *all(): Iterable<SchedulerGroup> {
    for (const group of this.#groups) if (group !== undefined) yield group;
  }

  get hasUnused(): boolean {
    return this.#unused.size > 0;
  }

  retain(group: SchedulerGroup): void {
    group.users += 1;
    this.#unused.delete(group);
  }

  release(group: SchedulerGroup): void {
    group.users -= 1;
    if (group.users === 0) this.#unused.add(group);
  }

  /** Drops up to `max` that nobody needs. @param isAwaited - a runner is there for it. @returns how many */
  trim(max: number, isAwaited: (group: SchedulerGroup) => boolean): number {
    let dropped = 0;
    for (const group of this.#unused) {
      if (dropped === max) break;
      if (group.held > 0 || isAwaited(group)) continue;
      this.#unused.delete(group);
      this.#groups[group.id] = undefined;
      this.#ids.delete(group.name);
      this.#cooling.push(group.id);
      dropped += 1;
    }
    return dropped;
  }

  /** No plan is under way: ids of groups that were dropped may be given to others. */
  reuseIds(): void {
    this.#freeIds.push(...this.#cooling.splice(0));
  }

  /** Keeps `active`, and what planning reads, true after a group's numbers changed. */
  note(group: SchedulerGroup): void {
    const { ready, held } = group;
    this.table.noteGroup(group.id, ready.ready, held, ready.priority);
    if (ready.ready > 0 || held > 0) {
      if (this.active.has(group)) return;
      this.active.add(group);
      if (group.shares) this.#enter(group);
    } else if (this.active.delete(group) && group.shares) this.#leave(group);
  }

  /** An attempt of a job of the group begins (1) or is over (−1). */
  hold(group: SchedulerGroup, attempts: 1 | -1, resources: ResourceIds | null = null): void {
    group.held += attempts;
    if (group.held === 0) this.holding.delete(group);
    else if (group.held === attempts) this.holding.add(group);
    if (attempts > 0) this.note(group); // Its limit groups must be there to be counted in.
    for (const limit of group.limits) this.limits.hold(limit, attempts);
    if (resources !== null && attempts > 0) this.resources.hold(resources);
    else if (resources !== null) this.resources.giveBack(resources);
    if (attempts < 0) this.note(group);
  }

  /** Units for its next attempt; `null`: it asks for none. */
  pickResources({ resources }: SchedulerGroup): ResourceIds | null {
    return Object.keys(resources).length === 0 ? null : this.resources.pick(resources);
  }

  /** How many of its jobs its limit groups and what is left of resources let start now. */
  room(group: SchedulerGroup, nowMs: number): number {
    if (!group.shares) return Number.POSITIVE_INFINITY;
    let room = this.resources.room(group.resources);
    for (const name of group.limitNames) {
      // Of a group without jobs of its own, whose jobs are served elsewhere, they are not at hand.
      const limit = this.limits.find(name);
      if (limit !== undefined) room = Math.min(room, this.limits.room(limit, nowMs));
    }
    return room;
  }

  #enter(group: SchedulerGroup): void {
    group.limits = group.limitNames.map((name) => this.limits.enter(name));
    const needs = group.limits.map(({ bound }) => ({ bound, need: 1 }));
    for (const [name, need] of Object.entries(group.resources))
      needs.push({ bound: this.resources.enter(name), need });
    this.table.bind(group.id, needs);
  }

  #leave(group: SchedulerGroup): void {
    this.table.unbind(group.id);
    for (const limit of group.limits) this.limits.leave(limit);
    for (const name in group.resources) this.resources.leave(name);
    group.limits = NO_LIMITS;
  }
}
