/**
 * The store as tests and simulations want it: the same promises as `lmdb.ts`, and the faults of a disk on demand.
 *
 * ```
 * commit ──► under way ──flush──► visible and durable, promise resolves
 *               │ crash()
 *               └──► any number of the first of them may have reached the disk; the rest is gone
 * ```
 */
import { WrError } from '../core/errors.ts';
import { checkKeys } from './commit-queue.ts';
import type { KeyValueStore, Range, TableName, Write } from './key-value.ts';

/** `before`: nothing of the batch is kept. `after`: all of it is, and the caller is told that it failed. */
export type FaultMoment = 'before' | 'after';

interface UnderWay {
  readonly writes: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: WrError) => void;
}

interface Fault {
  readonly moment: FaultMoment;
  readonly error: WrError;
}

export class MemoryStore implements KeyValueStore {
  readonly #tables: Map<TableName, MemoryTable>;
  #underWay: UnderWay[] = [];
  #faults: Fault[] = [];
  #held = false;
  #ended: WrError | undefined;
  /** Paths given to `backup`, with what they hold. */
  readonly backups = new Map<string, MemoryStore>();
  /** Batches and writes flushed so far. */
  flushes = 0;
  writes = 0;

  constructor(tables: ReadonlyMap<TableName, MemoryTable> = new Map()) {
    this.#tables = new Map([...tables].map(([name, table]) => [name, table.copy()]));
  }

  // -------------------------------------------------------------- the store

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#tables.get(table)?.get(textOf(key))?.slice();
  }

  range(
    table: TableName,
    range: Range = {},
  ): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    return this.#tables.get(table)?.range(range) ?? [];
  }

  count(table: TableName): number {
    return this.#tables.get(table)?.size ?? 0;
  }

  refresh(): void {
    // What is flushed is seen at once.
  }

  async commit(writes: readonly Write[]): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    checkKeys(writes);
    // Copied at once: a caller that changes its bytes before the flush would show here as it may with LMDB.
    const copies = writes.map((write) => copyOf(write));
    await new Promise<void>((resolve, reject) => {
      this.#underWay.push({ writes: copies, resolve, reject });
      queueMicrotask(() => this.#flushAll());
    });
  }

  async backup(path: string): Promise<void> {
    this.backups.set(path, new MemoryStore(this.#tables));
  }

  stop(error: WrError): void {
    this.#ended ??= error;
  }

  async close(): Promise<void> {
    this.releaseFlushes();
    this.#ended ??= new WrError('STORE_FAILED', 'the store is closed');
  }

  // -------------------------------------------------------------- faults

  /** From now on commits stay under way. */
  holdFlushes(): void {
    this.#held = true;
  }

  /** Flushes the next `count` batches that are under way, and goes on holding those after them. */
  flushNext(count = 1): void {
    for (const next of this.#underWay.splice(0, count)) this.#flush(next);
  }

  /** Flushes what was held, and everything from now on at once. */
  releaseFlushes(): void {
    this.#held = false;
    this.#flushAll();
  }

  /** Batches that wait for their flush. */
  get underWay(): number {
    return this.#underWay.length;
  }

  /** The next commit to be flushed fails. Calls add up. */
  failNext(moment: FaultMoment = 'before', code: 'STORE_FULL' | 'STORE_FAILED' = 'STORE_FULL'): void {
    this.#faults.push({ moment, error: new WrError(code, `a ${code} made for a test`) });
  }

  /**
   * The machine stops. This store answers nothing any more, and its promises never settle.
   * @param kept - how many of the batches under way had reached the disk
   * @returns what is found on the disk afterwards
   */
  crash(kept = 0): MemoryStore {
    const survivor = new MemoryStore(this.#tables);
    for (const { writes } of this.#underWay.splice(0).slice(0, kept)) survivor.#apply(writes);
    this.#ended = new WrError('STORE_FAILED', 'the machine of this store has stopped');
    this.#held = true;
    return survivor;
  }

  #flushAll(): void {
    if (!this.#held) this.flushNext(this.#underWay.length);
  }

  #flush(one: UnderWay): void {
    const fault = this.#faults.shift();
    if (fault?.moment !== 'before') this.#apply(one.writes);
    if (fault === undefined) one.resolve();
    else one.reject(fault.error);
  }

  #apply(writes: readonly Write[]): void {
    for (const { table, key, value } of writes) this.#table(table).put(textOf(key), value);
    this.flushes += 1;
    this.writes += writes.length;
  }

  #table(name: TableName): MemoryTable {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const table = new MemoryTable();
    this.#tables.set(name, table);
    return table;
  }
}

/** Keys are kept as texts of one character a byte: they compare as their bytes do. */
class MemoryTable {
  readonly #values: Map<string, Uint8Array>;
  /** Made when it is asked for; gone when a key comes or goes. */
  #sorted: readonly string[] | undefined;

  constructor(values: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#values = new Map(values);
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  put(key: string, value: Uint8Array | null): void {
    if (value === null ? this.#values.has(key) : !this.#values.has(key)) this.#sorted = undefined;
    if (value === null) this.#values.delete(key);
    else this.#values.set(key, value);
  }

  copy(): MemoryTable {
    return new MemoryTable(this.#values);
  }

  range({
    from,
    to,
    reverse = false,
    limit,
  }: Range): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const sorted = this.#keys();
    const low = reverse ? to : from;
    const high = reverse ? from : to;
    // The bound named `from` is inclusive, the other one exclusive, whichever way it goes.
    const start = low === undefined ? 0 : position(sorted, textOf(low), reverse);
    const end = high === undefined ? sorted.length : position(sorted, textOf(high), reverse);
    const keys = sorted.slice(start, Math.max(start, end));
    if (reverse) keys.reverse();
    // A copy of the values at this moment: one snapshot.
    const count = limit === undefined ? keys.length : limit;
    return keys
      .slice(0, count)
      .map((key) => ({ key: bytesOf(key), value: (this.#values.get(key) as Uint8Array).slice() }));
  }

  #keys(): readonly string[] {
    this.#sorted ??= [...this.#values.keys()].sort((a, b) => (a < b ? -1 : 1));
    return this.#sorted;
  }
}

/** The first place whose key is at least `key`, or beyond it when `after`. */
function position(sorted: readonly string[], key: string, after: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = sorted[middle] as string;
    if (at < key || (after && at === key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

function bytesOf(key: string): Uint8Array {
  return new Uint8Array(Buffer.from(key, 'latin1'));
}

function copyOf(write: Write): Write {
  const key = write.key.slice();
  return write.value === null
    ? { table: write.table, key, value: null }
    : { table: write.table, key, value: write.value.slice() };
}
