/**
 * What planning reads of every scheduler group, in shared memory: the main thread keeps the numbers true as they change,
 * and a plan's worker reads them where they are. So a plan costs the main thread nothing, however many groups there are.
 *
 * What groups share and may not use up together, a limit group or a counted resource, is a *bound*. A group's bounds hang
 * on its row as a chain of links, for most groups have none and some have many:
 *
 * ```
 * group row ── link ──► bound, need, next ──► bound, need, 0
 * ```
 *
 * A worker may read a row while it changes. It then plans with a number that is a moment old, which a plan is anyway: what
 * may really start is checked again at each reservation.
 */

/** A bound's `max` that bounds nothing. */
export const UNBOUNDED = 0xffff_ffff;
/** `inUse` of a group that was never allotted anything: whatever it holds is in use. */
export const ALL_IN_USE = 0xffff_ffff;
const ROWS_START = 64;

/** The columns as they cross to a worker; `groups` rows are in use. */
export interface PlanTableView {
  readonly groups: number;
  readonly ready: Uint32Array;
  /** Attempts open. */
  readonly held: Uint32Array;
  /** Slots it may be using at most: what was allotted, until the attempts of a larger allotment have ended. */
  readonly inUse: Uint32Array;
  /** Allotted last. */
  readonly slots: Uint32Array;
  readonly priority: Uint8Array;
  readonly memoryMb: Float64Array;
  readonly cpus: Float64Array;
  /** Unix ms at which it was last given something of what it shares with others; 0: never. */
  readonly turnMs: Float64Array;
  /** First link; 0: none. */
  readonly link: Uint32Array;
  readonly linkBound: Uint32Array;
  readonly linkNeed: Uint32Array;
  readonly linkNext: Uint32Array;
  readonly boundMax: Uint32Array;
  readonly boundHeld: Uint32Array;
  /** 1: a resource, which will never be more than `max`; 0: a limit, which may be raised. */
  readonly boundFixed: Uint8Array;
}

export interface GroupRow {
  readonly id: number;
  readonly memoryMb: number;
  readonly cpus: number;
}

export interface BoundNeed {
  readonly bound: number;
  /** Units that one attempt takes. */
  readonly need: number;
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

export class PlanTable {
  readonly #columns: Mutable<PlanTableView> = {
    groups: 0,
    ready: shared(Uint32Array, ROWS_START),
    held: shared(Uint32Array, ROWS_START),
    inUse: shared(Uint32Array, ROWS_START),
    slots: shared(Uint32Array, ROWS_START),
    priority: shared(Uint8Array, ROWS_START),
    memoryMb: shared(Float64Array, ROWS_START),
    cpus: shared(Float64Array, ROWS_START),
    turnMs: shared(Float64Array, ROWS_START),
    link: shared(Uint32Array, ROWS_START),
    linkBound: shared(Uint32Array, ROWS_START),
    linkNeed: shared(Uint32Array, ROWS_START),
    linkNext: shared(Uint32Array, ROWS_START),
    boundMax: shared(Uint32Array, ROWS_START),
    boundHeld: shared(Uint32Array, ROWS_START),
    boundFixed: shared(Uint8Array, ROWS_START),
  };
  /** Link 0 means none. */
  #links = 1;
  #bounds = 0;
  readonly #freeLinks: number[] = [];
  readonly #freeBounds: number[] = [];

  /** For a worker, as it is now: what is added later may lie in other memory. */
  get view(): PlanTableView {
    return { ...this.#columns };
  }

  /** A new row comes behind the last one; one in use until now begins anew. */
  addGroup({ id: row, memoryMb, cpus }: GroupRow): void {
    const columns = this.#columns;
    if (row === columns.ready.length) this.#growGroups();
    columns.memoryMb[row] = memoryMb;
    columns.cpus[row] = cpus;
    columns.slots[row] = 0;
    columns.turnMs[row] = 0;
    columns.inUse[row] = ALL_IN_USE;
    columns.groups = Math.max(columns.groups, row + 1);
  }

  /** @param priority - of its best ready job; −1 without any */
  noteGroup(row: number, ready: number, held: number, priority: number): void {
    const { ready: readyOf, held: heldOf, priority: priorityOf } = this.#columns;
    readyOf[row] = ready;
    heldOf[row] = held;
    priorityOf[row] = Math.max(priority, 0);
  }

  slots(row: number): number {
    return this.#columns.slots[row] as number;
  }

  turnMs(row: number): number {
    return this.#columns.turnMs[row] as number;
  }

  inUse(row: number): number {
    return this.#columns.inUse[row] as number;
  }

  /** What it is allotted from now on, and how much it may still be using. */
  allot(row: number, slots: number, inUse: number): void {
    this.#columns.slots[row] = slots;
    this.#columns.inUse[row] = inUse;
  }

  beginTurn(row: number, nowMs: number): void {
    this.#columns.turnMs[row] = nowMs;
  }

  /** Gives a group's row its bounds; before, it has none. */
  bind(row: number, needs: readonly BoundNeed[]): void {
    let next = 0;
    for (const { bound, need } of needs) next = this.#addLink(bound, need, next);
    this.#columns.link[row] = next;
  }

  unbind(row: number): void {
    const { link, linkNext } = this.#columns;
    let at = link[row] as number;
    link[row] = 0;
    while (at !== 0) {
      const next = linkNext[at] as number;
      this.#freeLinks.push(at);
      at = next;
    }
  }

  addBound(fixed: boolean): number {
    const bound = this.#freeBounds.pop() ?? this.#bounds++;
    if (bound === this.#columns.boundMax.length) this.#growBounds();
    this.#columns.boundMax[bound] = UNBOUNDED;
    this.#columns.boundHeld[bound] = 0;
    this.#columns.boundFixed[bound] = fixed ? 1 : 0;
    return bound;
  }

  dropBound(bound: number): void {
    this.#freeBounds.push(bound);
  }

  setBound(bound: number, max: number, held: number): void {
    this.#columns.boundMax[bound] = Math.min(max, UNBOUNDED);
    this.#columns.boundHeld[bound] = held;
  }

  #addLink(bound: number, need: number, next: number): number {
    const at = this.#freeLinks.pop() ?? this.#links++;
    if (at === this.#columns.linkBound.length) this.#growLinks();
    this.#columns.linkBound[at] = bound;
    this.#columns.linkNeed[at] = need;
    this.#columns.linkNext[at] = next;
    return at;
  }

  #growGroups(): void {
    const columns = this.#columns;
    columns.ready = grown(columns.ready, Uint32Array);
    columns.held = grown(columns.held, Uint32Array);
    columns.inUse = grown(columns.inUse, Uint32Array);
    columns.slots = grown(columns.slots, Uint32Array);
    columns.priority = grown(columns.priority, Uint8Array);
    columns.memoryMb = grown(columns.memoryMb, Float64Array);
    columns.cpus = grown(columns.cpus, Float64Array);
    columns.turnMs = grown(columns.turnMs, Float64Array);
    columns.link = grown(columns.link, Uint32Array);
  }

  #growLinks(): void {
    const columns = this.#columns;
    columns.linkBound = grown(columns.linkBound, Uint32Array);
    columns.linkNeed = grown(columns.linkNeed, Uint32Array);
    columns.linkNext = grown(columns.linkNext, Uint32Array);
  }

  #growBounds(): void {
    const columns = this.#columns;
    columns.boundMax = grown(columns.boundMax, Uint32Array);
    columns.boundHeld = grown(columns.boundHeld, Uint32Array);
    columns.boundFixed = grown(columns.boundFixed, Uint8Array);
  }
}

type Column = Uint32Array | Uint8Array | Float64Array;
interface ColumnType<Of extends Column> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer): Of;
}

function shared<Of extends Column>(Type: ColumnType<Of>, rows: number): Of {
  return new Type(new SharedArrayBuffer(rows * Type.BYTES_PER_ELEMENT));
}

function grown<Of extends Column>(column: Of, Type: ColumnType<Of>): Of {
  const larger = shared(Type, column.length * 2);
  larger.set(column);
  return larger;
}
