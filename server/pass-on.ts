/**
 * Between two plans: slots of groups that have no more jobs go to those that come next, without waiting for another plan.
 *
 * Only what cannot be wrong is passed on. The plan said in which order groups come; the first of them gets the slot if it
 * asks for no more than the group before it and its limits leave room, and if it does not, everyone waits for the plan.
 */
import type { SchedulerGroup } from '../core/scheduler-groups.ts';

export interface PassOn {
  /** Slots by group; changed in place. */
  readonly allotted: Map<SchedulerGroup, number>;
  /** Who comes next; those that were served are taken off its front. */
  readonly next: SchedulerGroup[];
  /** How many more of a group its limits and resources let start. */
  readonly room: (group: SchedulerGroup) => number;
}

/** @returns slots that were passed on, by the group that got them */
export function passOn({ allotted, next, room }: PassOn): ReadonlyMap<SchedulerGroup, number> {
  const passed = new Map<SchedulerGroup, number>();
  for (const [group, slots] of [...allotted]) {
    let left = slots;
    while (left > group.held && group.ready.ready === 0) {
      const heir = firstOf(next, passed, room);
      if (heir === undefined) return passed;
      if (!fitsInto(heir, group)) break;
      left -= 1;
      passed.set(heir, (passed.get(heir) ?? 0) + 1);
      allotted.set(heir, (allotted.get(heir) ?? 0) + 1);
    }
    if (left === 0) allotted.delete(group);
    else if (left < slots) allotted.set(group, left);
  }
  return passed;
}

/** The first that could use one slot more than it has got now. */
function firstOf(
  next: SchedulerGroup[],
  passed: ReadonlyMap<SchedulerGroup, number>,
  room: (group: SchedulerGroup) => number,
): SchedulerGroup | undefined {
  for (let group = next[0]; group !== undefined; group = next[0]) {
    const got = passed.get(group) ?? 0;
    if (group.ready.ready > got && room(group) > got) return group;
    next.shift();
  }
  return undefined;
}

/** Commands of no cores have an allowance of their own. */
function fitsInto(heir: SchedulerGroup, group: SchedulerGroup): boolean {
  return (
    heir.memoryMb <= group.memoryMb && heir.cpus <= group.cpus && (heir.cpus === 0) === (group.cpus === 0)
  );
}
