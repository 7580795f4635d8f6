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
    const { max, fixed } = this.#columns;
    return this.#every(row, (bound, need) => fixed[bound] === 0 || need <= (max[bound] as number));
  }

  fitting(row: number): number {
    let most = Number.POSITIVE_INFINITY;
    this.#every(row, (bound, need) => {
      most = Math.min(most, Math.floor((this.#left[bound] as number) / need));
      return true;
    });
    return Math.max(0, most);
  }

  take(row: number, attempts: number): void {
    this.#every(row, (bound, need) => {
      (this.#left[bound] as number) -= attempts * need;
      return true;
    });
  }

  /** Sets aside what is left of resources of which it needs more than that. */
  keepFor(row: number): void {
    this.#every(row, (bound, need) => {
      const left = this.#left[bound] as number;
      if (this.#columns.fixed[bound] === 1 && left > 0 && left < need) this.#left[bound] = 0;
      return true;
    });
  }

  #every(row: number, holds: (bound: number, need: number) => boolean): boolean {
    const { start, bound, need } = this.#columns;
    const end = start[row + 1] as number;
    for (let at = start[row] as number; at < end; at += 1)
      if (!holds(bound[at] as number, need[at] as number)) return false;
    return true;
  }
}
