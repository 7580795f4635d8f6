/** What is left of the limit groups and counted resources that scheduler groups share, while a plan is made. */
import { UNBOUNDED } from './plan-table.ts';

/** What each row of a plan takes of which bound: those of row r stand at `start[r]` to `start[r + 1]`. */
export interface BoundColumns {
  readonly start: Uint32Array;
  readonly bound: Uint32Array;
  /** Units an attempt takes, beside `bound`. */
  readonly need: Uint32Array;
  /** By bound: `UNBOUNDED`, or how many units there are. */
  readonly max: Uint32Array;
  /** By bound: units taken by the attempts that are open. */
  readonly held: Uint32Array;
  /** By bound: 1 when `max` will never be more. */
  readonly fixed: Uint8Array;
  /** By row: who comes first of those that share a bound; the lower. */
  readonly turn: Float64Array;
}

export class Shares {
  readonly #columns: BoundColumns;
  /** By bound. */
  readonly #left: Float64Array;

  /** @param from - `unused`: as if nothing were open */
  constructor(columns: BoundColumns, from: 'now' | 'unused' = 'now') {
    const { max, held } = columns;
    this.#columns = columns;
    this.#left = Float64Array.from(max, (units, bound) => {
      if (units === UNBOUNDED) return Number.POSITIVE_INFINITY;
      return from === 'unused' ? units : units - (held[bound] as number);
    });
  }

  /** Whether there is as much as one attempt takes. Limits may be raised, resources not. */
  canEver(row: number): boolean {
    const { start, bound, need, max, fixed } = this.#columns;
    for (let at = start[row] as number; at < (start[row + 1] as number); at += 1) {
      const each = bound[at] as number;
      if (fixed[each] === 1 && (need[at] as number) > (max[each] as number)) return false;
    }
    return true;
  }

  fitting(row: number): number {
    const { start, bound, need } = this.#columns;
    let most = Number.POSITIVE_INFINITY;
    for (let at = start[row] as number; at < (start[row + 1] as number); at += 1)
      most = Math.min(most, Math.floor((this.#left[bound[at] as number] as number) / (need[at] as number)));
    return Math.max(0, most);
  }

  take(row: number, attempts: number): void {
    const { start, bound, need } = this.#columns;
    for (let at = start[row] as number; at < (start[row + 1] as number); at += 1)
      (this.#left[bound[at] as number] as number) -= attempts * (need[at] as number);
  }

  /** Sets aside what is left of resources of which it needs more than that. */
  keepFor(row: number): void {
    const { start, bound, need, fixed } = this.#columns;
    for (let at = start[row] as number; at < (start[row + 1] as number); at += 1) {
      const each = bound[at] as number;
      const left = this.#left[each] as number;
      if (fixed[each] === 1 && left > 0 && left < (need[at] as number)) this.#left[each] = 0;
    }
  }
}
