/**
 * Counted resources of this machine: which units there are, and which of them are with an attempt. A unit is with one
 * attempt at a time, from its reservation to its end.
 *
 * A resource is in memory while the machine has some of it, or somebody asks for it or holds it.
 */
import type { PlanTable } from './plan-table.ts';
import type { ResourceIds, Resources } from './resource-names.ts';

export interface Resource {
  readonly name: string;
  /** Its row in the plan table. */
  readonly bound: number;
  /** The machine has units 0 to `units` − 1. */
  units: number;
  /** Numbers of the units that are with an attempt; some may be of a time when there were more. */
  readonly taken: Set<number>;
  /** Of `taken`, those that there still are. */
  used: number;
  /** Scheduler groups with ready or held jobs that ask for it. */
  users: number;
}

export class ResourcePool {
  readonly #table: PlanTable;
  readonly #resources = new Map<string, Resource>();

  constructor(table: PlanTable) {
    this.#table = table;
  }

  all(): IterableIterator<Resource> {
    return this.#resources.values();
  }

  /** What the machine has; to be said before anything is handed out. */
  configure(resources: Resources): void {
    for (const [name, units] of Object.entries(resources)) {
      const resource = this.#of(name);
      resource.units = units;
      this.#note(resource);
    }
  }

  /** Units the machine has, whoever uses them. */
  units(name: string): number {
    return this.#resources.get(name)?.units ?? 0;
  }

  /** @returns its row in the plan table */
  enter(name: string): number {
    const resource = this.#of(name);
    resource.users += 1;
    return resource.bound;
  }

  leave(name: string): void {
    const resource = this.#of(name);
    resource.users -= 1;
    this.#dropUnused(resource);
  }

  /** How many attempts that take so much each may start now. */
  room(needs: Resources): number {
    let room = Number.POSITIVE_INFINITY;
    for (const name in needs) {
      const { units = 0, used = 0 } = this.#resources.get(name) ?? {};
      room = Math.min(room, Math.floor((units - used) / (needs[name] as number)));
    }
    return room;
  }

  /** Free units for an attempt, the lowest numbers; there must be room. They are free until they are held. */
  pick(needs: Resources): ResourceIds {
    return Object.fromEntries(
      Object.entries(needs).map(([name, count]) => [name, lowestFree(this.#of(name), count)]),
    );
  }

  hold(ids: ResourceIds): void {
    this.#each(ids, (resource, unit) => {
      resource.taken.add(unit);
      if (unit < resource.units) resource.used += 1;
    });
  }

  giveBack(ids: ResourceIds): void {
    this.#each(ids, (resource, unit) => {
      resource.taken.delete(unit);
      if (unit < resource.units) resource.used -= 1;
    });
  }

  #each(ids: ResourceIds, change: (resource: Resource, unit: number) => void): void {
    for (const [name, units] of Object.entries(ids)) {
      const resource = this.#of(name);
      for (const unit of units) change(resource, unit);
      this.#note(resource);
      this.#dropUnused(resource);
    }
  }

  #of(name: string): Resource {
    const known = this.#resources.get(name);
    if (known !== undefined) return known;
    const bound = this.#table.addBound(true);
    const resource: Resource = { name, bound, units: 0, taken: new Set(), used: 0, users: 0 };
    this.#resources.set(name, resource);
    this.#note(resource);
    return resource;
  }

  #note(resource: Resource): void {
    const { bound, units, used } = resource;
    this.#table.setBound(bound, units, used);
  }

  #dropUnused({ name, bound, units, taken, users }: Resource): void {
    if (units > 0 || taken.size > 0 || users > 0) return;
    this.#resources.delete(name);
    this.#table.dropBound(bound);
  }
}

function lowestFree({ taken, units }: Resource, count: number): number[] {
  const free: number[] = [];
  for (let unit = 0; unit < units && free.length < count; unit += 1) if (!taken.has(unit)) free.push(unit);
  return free;
}
