/**
 * Limit groups: how many of their jobs run, and how many may (spec: jobs.md §10).
 *
 * A group is in memory while it has a limit, or a scheduler group with ready or running jobs names it: what was used once
 * and is over costs nothing. Every attempt open counts, in groups without a limit too, so that a limit set later knows
 * what runs. Limits are stored; time windows are names alone.
 */
import { UNLIMITED } from './limit-names.ts';
import { type PlanTable, UNBOUNDED } from './plan-table.ts';
import { isOpen, momentOf, parseTimeWindow, type TimeWindow } from './time-windows.ts';

const WINDOWS_CHECK_MS = 1_000;

export interface LimitGroup {
  readonly name: string;
  /** Its row in the plan table. */
  readonly bound: number;
  /** `null`: it is no span of time. */
  readonly window: TimeWindow | null;
  /** {@link UNLIMITED}, or how many may run at once. */
  limit: number;
  /** Attempts open of its jobs. */
  held: number;
  /** Scheduler groups with ready or running jobs that name it. */
  users: number;
  /** A window that is shut. */
  shut: boolean;
  /** What ran when the limit was set below it: it may end by itself. */
  excess: number;
}

export class LimitGroups {
  readonly #table: PlanTable;
  readonly #groups = new Map<string, LimitGroup>();
  readonly #windows = new Set<LimitGroup>();
  #windowsCheckedMs = 0;
  /** Names whose limit is to be written; the owner of the disk empties it. */
  readonly changed = new Set<string>();

  constructor(table: PlanTable) {
    this.#table = table;
  }

  /** Groups in memory. */
  get size(): number {
    return this.#groups.size;
  }

  all(): IterableIterator<LimitGroup> {
    return this.#groups.values();
  }

  find(name: string): LimitGroup | undefined {
    return this.#groups.get(name);
  }

  /** {@link UNLIMITED} for groups without one, or that nobody ever named. */
  limit(name: string): number {
    return this.#groups.get(name)?.limit ?? UNLIMITED;
  }

  /** Every limit there is, in no order. */
  *limits(): Iterable<{ readonly name: string; readonly limit: number }> {
    for (const { name, limit } of this.#groups.values()) if (limit !== UNLIMITED) yield { name, limit };
  }

  /** Acts at once on what starts; nothing that runs is stopped. A time window takes no limit. */
  set(name: string, limit: number): void {
    const known = this.#groups.get(name);
    if (known === undefined && limit === UNLIMITED) return;
    const group = known ?? this.#make(name);
    if (group.window !== null || group.limit === limit) return;
    group.limit = limit;
    group.excess = limit === UNLIMITED || group.held <= limit ? 0 : group.held;
    this.changed.add(name);
    this.#note(group);
    this.#dropUnused(group);
  }

  /** Takes back what was stored. */
  restore(name: string, limit: number): void {
    this.set(name, limit);
    this.changed.clear();
  }

  /** A scheduler group begins to have jobs in it. */
  enter(name: string): LimitGroup {
    const group = this.#groups.get(name) ?? this.#make(name);
    group.users += 1;
    return group;
  }

  leave(group: LimitGroup): void {
    group.users -= 1;
    this.#dropUnused(group);
  }

  /** Attempts begin (positive) or are over. */
  hold(group: LimitGroup, attempts: number): void {
    group.held += attempts;
    if (attempts < 0 && group.excess > 0) group.excess = group.held > group.limit ? group.held : 0;
    this.#note(group);
  }

  /** After a restart: what runs may be more than a limit that was set while it ran. */
  recovered(): void {
    for (const group of this.#groups.values())
      if (group.limit !== UNLIMITED && group.held > group.limit) group.excess = group.held;
  }

  /** How many more may start now. */
  room(group: LimitGroup, nowMs: number): number {
    if (group.window !== null) return isOpen(group.window, momentOf(nowMs)) ? Number.POSITIVE_INFINITY : 0;
    return group.limit === UNLIMITED ? Number.POSITIVE_INFINITY : Math.max(0, group.limit - group.held);
  }

  /** Looks at the clock, once a second. @returns whether a window opened or shut */
  tick(nowMs: number): boolean {
    if (this.#windows.size === 0 || Math.abs(nowMs - this.#windowsCheckedMs) < WINDOWS_CHECK_MS) return false;
    this.#windowsCheckedMs = nowMs;
    const moment = momentOf(nowMs);
    let changed = false;
    for (const group of this.#windows) {
      const shut = !isOpen(group.window as TimeWindow, moment);
      if (shut === group.shut) continue;
      group.shut = shut;
      changed = true;
      this.#note(group);
    }
    return changed;
  }

  #make(name: string): LimitGroup {
    const window = parseTimeWindow(name);
    const bound = this.#table.addBound(false);
    const group: LimitGroup = {
      name,
      bound,
      window,
      limit: UNLIMITED,
      held: 0,
      users: 0,
      // Until the next look at the clock, which is soon.
      shut: window !== null,
      excess: 0,
    };
    this.#groups.set(name, group);
    if (window !== null) {
      this.#windows.add(group);
      this.#windowsCheckedMs = 0;
      this.#note(group);
    }
    return group;
  }

  #dropUnused(group: LimitGroup): void {
    if (group.users > 0 || group.limit !== UNLIMITED) return;
    this.#groups.delete(group.name);
    this.#windows.delete(group);
    this.#table.dropBound(group.bound);
  }

  #note({ bound, shut, limit, held }: LimitGroup): void {
    this.#table.setBound(bound, shut ? 0 : limit === UNLIMITED ? UNBOUNDED : limit, held);
  }
}
