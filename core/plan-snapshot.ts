/** The plan table as one plan sees it: the groups that have something to do, copied, so that nothing changes under way. */

import type { BoundColumns } from './plan-shares.ts';
import type { PlanTableView } from './plan-table.ts';
import { TURN_MS } from './plan-turns.ts';
import type { PlanGroups } from './planning.ts';

/** A chain that is read while it changes may lead anywhere: no group has more bounds than this. */
const LINKS_MAX = 1_024;

export interface PlanSnapshot {
  /** The group's id by row. */
  readonly ids: Uint32Array;
  readonly groups: PlanGroups;
  readonly bounds: BoundColumns | undefined;
}

/** @param nowMs - decides whose turn is over */
export function snapshotOf(view: PlanTableView, nowMs: number): PlanSnapshot {
  const ids = activeIds(view);
  const pick = <Column extends Uint32Array | Float64Array | Uint8Array>(
    column: Column,
    to: Column,
  ): Column => {
    for (let row = 0; row < ids.length; row += 1) to[row] = column[ids[row] as number] as number;
    return to;
  };
  const count = ids.length;
  const open = new Uint32Array(count);
  for (let row = 0; row < count; row += 1) {
    const id = ids[row] as number;
    open[row] = Math.min(view.held[id] as number, view.inUse[id] as number);
  }
  const groups: PlanGroups = {
    ready: pick(view.ready, new Uint32Array(count)),
    open,
    priority: pick(view.priority, new Uint8Array(count)),
    memoryMb: pick(view.memoryMb, new Float64Array(count)),
    cpus: pick(view.cpus, new Float64Array(count)),
    arrival: Float64Array.from(ids),
  };
  return { ids, groups, bounds: boundsOf(view, ids, nowMs) };
}

function activeIds({ groups, ready, held }: PlanTableView): Uint32Array {
  const ids = new Uint32Array(groups);
  let count = 0;
  for (let id = 0; id < groups; id += 1) {
    if ((ready[id] as number) === 0 && (held[id] as number) === 0) continue;
    ids[count] = id;
    count += 1;
  }
  return ids.subarray(0, count);
}

/** `undefined`: none of the groups shares anything. */
function boundsOf(view: PlanTableView, ids: Uint32Array, nowMs: number): BoundColumns | undefined {
  const start = new Uint32Array(ids.length + 1);
  const bound: number[] = [];
  const need: number[] = [];
  for (let row = 0; row < ids.length; row += 1) {
    start[row] = bound.length;
    let at = view.link[ids[row] as number] as number;
    for (let links = 0; at !== 0 && at < view.linkBound.length && links < LINKS_MAX; links += 1) {
      const each = view.linkBound[at] as number;
      const units = view.linkNeed[at] as number;
      if (each < view.boundMax.length && units > 0) {
        bound.push(each);
        need.push(units);
      }
      at = view.linkNext[at] as number;
    }
  }
  start[ids.length] = bound.length;
  if (bound.length === 0) return undefined;
  return {
    start,
    bound: Uint32Array.from(bound),
    need: Uint32Array.from(need),
    max: view.boundMax.slice(),
    held: view.boundHeld.slice(),
    fixed: view.boundFixed.slice(),
    turn: Float64Array.from(ids, (id) => turnOf(view, id, nowMs)),
  };
}

/** Who is in a turn that is not over stays first; then whoever's last turn is longest ago. */
function turnOf({ slots, turnMs }: PlanTableView, id: number, nowMs: number): number {
  const beganMs = turnMs[id] as number;
  return (slots[id] as number) > 0 && nowMs - beganMs < TURN_MS ? -1 : beganMs;
}
