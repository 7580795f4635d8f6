/**
 * What the rest of the program knows of a database: named tables of binary keys and values, atomic batches, and a
 * promise that means *on disk*. `lmdb.ts` is the real one, `memory.ts` the model that tests and simulations run on.
 */
import type { WrError } from '../core/errors.ts';

export const TABLES = [
  'meta',
  'templates',
  'environments',
  'segments',
  'overlays',
  'staged',
  'directory',
  'live',
  'records',
  'done',
  'keys',
  'requests',
  'answered',
  'groups',
  'groupSegments',
  'tallies',
  'unindexed',
  'completions',
  'limits',
  'failBudgets',
  'bsub',
  'links',
  'dependants',
  'seen',
  'unseen',
  'replaced',
  'learned',
  'usage',
  'suspended',
] as const;
export type TableName = (typeof TABLES)[number];

export type Write =
  | { readonly table: TableName; readonly key: Uint8Array; readonly value: Uint8Array }
  /** Removes. */
  | { readonly table: TableName; readonly key: Uint8Array; readonly value: null };

export interface Range {
  /** Inclusive. */
  readonly from?: Uint8Array;
  /** Exclusive. */
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface KeyValueReader {
  /** A copy the caller may keep, or `undefined`. */
  get(table: TableName, key: Uint8Array): Uint8Array | undefined;
  /** Entries in key order (bytewise); reads one snapshot. With `reverse`, `from` is the upper bound, inclusive. */
  range(table: TableName, range?: Range): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  count(table: TableName): number;
  /** Sees what was committed since the last read of this event turn. */
  refresh(): void;
  close(): Promise<void>;
}

export interface KeyValueStore extends KeyValueReader {
  /**
   * Applies all writes or none.
   * Batches become visible and durable in the order of the calls.
   * @returns resolves when everything in it is flushed to disk
   * @throws {WrError} STORE_FULL, STORE_FAILED: nothing of this batch is kept
   */
  commit(writes: readonly Write[]): Promise<void>;
  /** Refuses every batch from now on, and those that wait, with this error; what is under way comes to its own end. */
  stop(error: WrError): void;
  /** Copies a consistent snapshot to `path`. */
  backup(path: string): Promise<void>;
}

/** A u32 as a key that sorts by value. */
export function u32Key(value: number): Uint8Array {
  const key = new Uint8Array(4);
  key[0] = value >>> 24;
  key[1] = value >>> 16;
  key[2] = value >>> 8;
  key[3] = value;
  return key;
}

export function keyToU32(key: Uint8Array): number {
  return (((key[0] ?? 0) << 24) | ((key[1] ?? 0) << 16) | ((key[2] ?? 0) << 8) | (key[3] ?? 0)) >>> 0;
}
