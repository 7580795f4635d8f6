/** Scheduler groups: jobs that a runner may take one after the other, because they ask for the same (jobs.md §6). */
import type { Cohort } from './cohorts.ts';
import type { JobOptions } from './job-options.ts';
import { ReadyCohorts } from './ready-cohorts.ts';
import { requirementsOf } from './requirements.ts';

export interface SchedulerGroup {
  readonly id: number;
  readonly name: string;
  /** What a runner of it is given. */
  readonly memoryMb: number;
  readonly timeMs: number;
  readonly cpus: number;
  readonly other: Readonly<Record<string, string>>;
  readonly ready: ReadyCohorts<Cohort>;
  /** Cohorts that asked for what it gives, and are given something else now. */
  readonly away: Set<Cohort>;
  /** Attempts open: reserved, running or lost. */
  held: number;
}

export class SchedulerGroups {
  readonly #ids = new Map<string, number>();
  readonly #groups: SchedulerGroup[] = [];
  /** Groups with ready or held jobs: what planning looks at. */
  readonly active = new Set<SchedulerGroup>();

  intern(name: string, options: JobOptions): SchedulerGroup {
    const known = this.find(name);
    if (known !== undefined) return known;
    const requirements = requirementsOf(options);
    const group: SchedulerGroup = {
      id: this.#groups.length,
      name,
      memoryMb: requirements.memoryMb,
      timeMs: requirements.timeMs,
      cpus: requirements.cpus,
      other: requirements.other,
      ready: new ReadyCohorts(),
      away: new Set(),
      held: 0,
    };
    this.#ids.set(name, group.id);
    this.#groups.push(group);
    return group;
  }

  find(name: string): SchedulerGroup | undefined {
    const id = this.#ids.get(name);
    return id === undefined ? undefined : this.#groups[id];
  }

  get(id: number): SchedulerGroup {
    return this.#groups[id] as SchedulerGroup;
  }

  get size(): number {
    return this.#groups.length;
  }

  /** Keeps `active` true after a group's numbers changed. */
  note(group: SchedulerGroup): void {
    if (group.ready.ready > 0 || group.held > 0) this.active.add(group);
    else this.active.delete(group);
  }
}
