/**
 * Turns of scheduler groups that share a limit group or a counted resource.
 *
 * In the plan's order of priority, size and age the first of them would have all of it for as long as it has jobs. So
 * those of equal priority, directly or by way of a third one in touch, change places among themselves: whoever waits
 * longest for a turn stands first. A turn lasts a second at least, for each change of hands costs a moment of idleness;
 * nothing that runs is stopped.
 */
import type { BoundColumns } from './plan-shares.ts';
import { UNBOUNDED } from './plan-table.ts';

/** A turn lasts so long, if others wait. */
export const TURN_MS = 1_000;

/**
 * Reorders `order` in place.
 * @param order - rows, best first
 * @param priority - by row
 * @returns whether any of them share a bound
 */
export function takeTurns(order: Uint32Array, priority: Uint8Array, columns: BoundColumns): boolean {
  const { turn } = columns;
  let contested = false;
  for (const places of sharers(order, priority, columns)) {
    if (places.length < 2) continue;
    contested = true;
    const rows = places.map((place) => order[place] as number);
    rows.sort((a, b) => (turn[a] as number) - (turn[b] as number)); // Stable: equal ones keep their order.
    places.forEach((place, i) => {
      order[place] = rows[i] as number;
    });
  }
  return contested;
}

/** Places in the order, ascending, of rows that are in touch and of one priority. */
function sharers(
  order: Uint32Array,
  priority: Uint8Array,
  columns: BoundColumns,
): Iterable<readonly number[]> {
  const { start, bound, max } = columns;
  const uses = usesOf(order, columns);
  const sets = new Sets(max.length);
  const firstOf = new Int32Array(order.length).fill(-1);
  for (let place = 0; place < order.length; place += 1) {
    const row = order[place] as number;
    for (let at = start[row] as number; at < (start[row + 1] as number); at += 1) {
      const each = bound[at] as number;
      if (max[each] === UNBOUNDED || (uses[each] as number) < 2) continue;
      const first = firstOf[place] as number;
      if (first < 0) firstOf[place] = each;
      else sets.join(first, each);
    }
  }
  const found = new Map<number, number[]>();
  for (let place = 0; place < order.length; place += 1) {
    const first = firstOf[place] as number;
    if (first < 0) continue;
    const set = sets.of(first) * 256 + (priority[order[place] as number] as number);
    const places = found.get(set);
    if (places === undefined) found.set(set, [place]);
    else places.push(place);
  }
  return found.values();
}

/** By bound: how many of the rows it binds. Where each group has a limit of its own, nobody shares anything. */
function usesOf(order: Uint32Array, { start, bound, max }: BoundColumns): Uint32Array {
  const uses = new Uint32Array(max.length);
  for (const row of order)
    for (let at = start[row] as number; at < (start[row + 1] as number); at += 1)
      (uses[bound[at] as number] as number) += 1;
  return uses;
}

/** Disjoint sets of bounds. */
class Sets {
  readonly #parent: Uint32Array;

  constructor(count: number) {
    this.#parent = Uint32Array.from({ length: count }, (_, i) => i);
  }

  of(member: number): number {
    let at = member;
    while (this.#parent[at] !== at) {
      // Halves the way for the next one.
      const above = this.#parent[this.#parent[at] as number] as number;
      this.#parent[at] = above;
      at = above;
    }
    return at;
  }

  join(a: number, b: number): void {
    this.#parent[this.of(a)] = this.of(b);
  }
}
