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
    arrival: new Float64Array(ids),
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
  let room = 0;
  for (const id of ids) if (view.link[id] !== 0) room += 1;
  if (room === 0) return undefined;
  let bound = new Uint32Array(2 * room);
  let need = new Uint32Array(2 * room);
  let count = 0;
  for (let row = 0; row < ids.length; row += 1) {
    start[row] = count;
    let at = view.link[ids[row] as number] as number;
    for (let links = 0; at !== 0 && at < view.linkBound.length && links < LINKS_MAX; links += 1) {
      if (count === bound.length) [bound, need] = [doubled(bound), doubled(need)];
      bound[count] = view.linkBound[at] as number;
      need[count] = view.linkNeed[at] as number;
      if ((bound[count] as number) < view.boundMax.length && need[count] !== 0) count += 1;
      at = view.linkNext[at] as number;
    }
  }
  start[ids.length] = count;
  return {
    start,
    bound,
    need,
    max: view.boundMax.slice(),
    held: view.boundHeld.slice(),
    fixed: view.boundFixed.slice(),
    turn: turnsOf(view, ids, nowMs),
  };
}

function doubled(column: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** Who is in a turn that is not over stays first; then whoever's last turn is longest ago. */
function turnsOf({ slots, turnMs }: PlanTableView, ids: Uint32Array, nowMs: number): Float64Array {
  const turns = new Float64Array(ids.length);
  for (let row = 0; row < ids.length; row += 1) {
    const id = ids[row] as number;
    const beganMs = turnMs[id] as number;
    turns[row] = (slots[id] as number) > 0 && nowMs - beganMs < TURN_MS ? -1 : beganMs;
  }
  return turns;
}
