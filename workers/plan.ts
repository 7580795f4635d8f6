/** The *plan* task: which scheduler groups should have how many runners, read from the table the manager shares. */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { snapshotOf } from '../core/plan-snapshot.ts';
import type { PlanTableView } from '../core/plan-table.ts';
import { decide, type PlanInput } from '../core/planning.ts';

export interface PlanTask extends Pick<PlanInput, 'how' | 'capacity'> {
  readonly table: PlanTableView;
  readonly nowMs: number;
}

/** Only groups that are to have any: what comes of it does not grow with the groups that wait. */
export interface PlanResult {
  /** Ids of groups. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Beside `ids`: runners that should be there. */
  readonly slots: Uint32Array<ArrayBuffer>;
  /** Ids of groups whose ready jobs can never run. */
  readonly impossible: Uint32Array<ArrayBuffer>;
  /** Whose turn it is depends on the time. */
  readonly contested: boolean;
  /** Ids of groups that come next when something is free, in order. */
  readonly next: Uint32Array<ArrayBuffer>;
}

/** For tests and simulations, in the same thread. */
export function plan({ how, capacity, table, nowMs }: PlanTask): PlanResult {
  const { ids, groups, bounds } = snapshotOf(table, nowMs);
  const decided = decide({ how, capacity, groups, ...(bounds === undefined ? {} : { bounds }) });
  const { slots, impossible, contested, next } = decided;
  let served = 0;
  for (const count of slots) if (count > 0) served += 1;
  const result = {
    ids: new Uint32Array(served),
    slots: new Uint32Array(served),
    impossible: Uint32Array.from(impossible, (row) => ids[row] as number),
    contested,
    next: Uint32Array.from(next, (row) => ids[row] as number),
  };
  let at = 0;
  for (let row = 0; row < slots.length; row += 1) {
    if (slots[row] === 0) continue;
    result.ids[at] = ids[row] as number;
    result.slots[at] = slots[row] as number;
    at += 1;
  }
  return result;
}

/** The task as Piscina runs it: the columns of the result are moved, not copied. */
export default function planTask(task: PlanTask): ReturnType<typeof move> {
  const result = plan(task);
  return move({
    [transferableSymbol]: [
      result.ids.buffer,
      result.slots.buffer,
      result.impossible.buffer,
      result.next.buffer,
    ],
    [valueSymbol]: result,
  });
}
