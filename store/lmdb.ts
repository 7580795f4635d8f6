/**
 * The database: one LMDB file, written by LMDB's own thread, read through its memory map by every thread of the manager.
 * Nothing but this file and lmdb-file.ts names lmdb.
 *
 * The binding offers to overlap flushes with later transactions. We do without: a transaction is then visible exactly
 * when it is on disk, its promise comes after `fdatasync` and the synchronous write of the header, and a flush that
 * fails leaves nothing behind that someone may have seen. Measured, it costs a batch of 100 puts 0.74 ms instead of
 * 0.59 ms.
 */
import { statSync } from 'node:fs';
import type { RangeOptions } from 'lmdb';
import { WrError } from '../core/errors.ts';
import { CommitQueue, checkKeys } from './commit-queue.ts';
import type { KeyValueReader, KeyValueStore, Range, TableName, Write } from './key-value.ts';
import { keepBindingQuiet } from './lmdb-console.ts';
import { causeOf, freeBytes, isFull, textOf } from './lmdb-failures.ts';
import {
  checkFile,
  closeNow,
  copyTo,
  createFile,
  openRoot,
  openTables,
  type Root,
  type Table,
  type Tables,
} from './lmdb-file.ts';
import { unreadable } from './store-file.ts';

/** Below this the disk counts as full: LMDB reports a write that was cut short as an I/O error. */
const FREE_BYTES_MIN = 1024 * 1024;

/**
 * Opens a store, or creates one where there is no file. The file gets mode 0600.
 * @throws {WrError} STORE_NEWER, STORE_FOREIGN, STORE_UNREADABLE: the file was not touched; STORE_FULL, STORE_FAILED:
 *   it could not be created
 */
export function openLmdb(path: string, options: { readonly readOnly?: boolean } = {}): KeyValueStore {
  const readOnly = options.readOnly ?? false;
  keepBindingQuiet();
  try {
    if (!checkFile(path, !readOnly)) {
      if (readOnly) throw new WrError('STORE_UNREADABLE', `there is no database ${path}`);
      createFile(path);
    }
    const root = openRoot(path, readOnly);
    return new LmdbStore(path, root, openTables(root, readOnly), readOnly);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Reads a store that this process or another one has open for writing: for worker threads.
 *
 * What is read within one turn of the event loop is one snapshot; `refresh()` starts the next. A thread that blocks its
 * event loop must call it when it is done, too: a snapshot keeps the pages it sees from being used again.
 * @throws {WrError} as {@link openLmdb}
 */
export function openLmdbReader(path: string): KeyValueReader {
  try {
    const root = openRoot(path, true);
    return new LmdbReader(path, root, openTables(root, true));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Writes a store that nobody has open anew, without its free pages, and puts the copy in its place.
 * @throws {WrError} as {@link openLmdb}, and STORE_FULL, STORE_FAILED: the file was not touched
 */
export async function compactLmdb(path: string): Promise<void> {
  try {
    if (!checkFile(path, true)) throw new WrError('STORE_UNREADABLE', `there is no database ${path}`);
    const root = openRoot(path, true);
    try {
      await copyTo(root, path, true);
    } finally {
      closeNow(root);
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

class LmdbReader implements KeyValueReader {
  protected readonly path: string;
  protected readonly root: Root;
  protected readonly tables: Tables;

  constructor(path: string, root: Root, tables: Tables) {
    this.path = path;
    this.root = root;
    this.tables = tables;
  }

  get(name: TableName, key: Uint8Array): Uint8Array | undefined {
    try {
      const value = this.tables.get(name)?.get(key);
      return value === undefined ? undefined : plain(value);
    } catch (cause) {
      throw unreadable(this.path, cause);
    }
  }

  *range(
    name: TableName,
    range: Range = {},
  ): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const table = this.tables.get(name);
    if (table === undefined || range.limit === 0) return;
    try {
      for (const { key, value } of table.getRange(rangeOptions(range)))
        yield { key: plain(key), value: plain(value) };
    } catch (cause) {
      throw unreadable(this.path, cause);
    }
  }

  count(name: TableName): number {
    const stats = this.tables.get(name)?.getStats() as { readonly entryCount: number } | undefined;
    return stats?.entryCount ?? 0;
  }

  refresh(): void {
    this.root.resetReadTxn();
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}

class LmdbStore extends LmdbReader implements KeyValueStore {
  readonly #queue = new CommitQueue((batches, bytes) => this.#write(batches, bytes));
  readonly #copies = new Set<Promise<void>>();

  constructor(path: string, root: Root, tables: Tables, readOnly: boolean) {
    super(path, root, tables);
    if (readOnly)
      this.#queue.stop(new WrError('STORE_FAILED', `the database ${path} is open for reading only`));
  }

  /** The bytes of keys and values belong to the store until the promise settles. */
  async commit(writes: readonly Write[]): Promise<void> {
    checkKeys(writes);
    await this.#queue.push(writes);
  }

  async backup(path: string): Promise<void> {
    // LMDB makes the copy with the mode that the umask leaves: within a private directory nobody sees it before 0600.
    if (isSameFile(path, this.path))
      throw new WrError('BAD_INPUT', `${path} is the database itself: name another file for its backup`);
    const copying = copyTo(this.root, path, false);
    this.#copies.add(copying);
    try {
      await copying;
    } finally {
      this.#copies.delete(copying);
    }
  }

  stop(error: WrError): void {
    this.#queue.stop(error);
  }

  override async close(): Promise<void> {
    await this.#queue.idle();
    // A copy reads the file's memory map, which must not go away under it.
    await Promise.allSettled(this.#copies);
    this.#queue.stop(new WrError('STORE_FAILED', `the database ${this.path} is closed`));
    await super.close();
  }

  async #write(batches: readonly (readonly Write[])[], bytes: number): Promise<void> {
    try {
      // What is put within the callback is one transaction, and no other is under way.
      await this.root.batch(() => {
        for (const batch of batches) this.#put(batch);
      });
    } catch (thrown) {
      throw this.#failure(await causeOf(thrown), bytes);
    }
  }

  #put(batch: readonly Write[]): void {
    for (const { table: name, key, value } of batch) {
      const table = this.tables.get(name) as Table;
      // Their promises are resolved already: within a batch, lmdb answers for the whole.
      if (value === null) void table.remove(key);
      else void table.put(key, value);
    }
  }

  /**
   * A transaction that failed left nothing: its pages are not referred to, and the next one writes its own again. After a
   * full disk the store therefore goes on. After anything else nobody knows what the disk has kept: nothing is written
   * any more (the queue stops on STORE_FAILED), and the manager has to start again from what the file holds.
   */
  #failure(cause: unknown, bytes: number): WrError {
    const full = isFull(cause) || freeBytes(this.path) < FREE_BYTES_MIN + bytes;
    if (full && this.#isUsable()) {
      return new WrError('STORE_FULL', `no room left for the database ${this.path}: ${textOf(cause)}`, {
        cause,
      });
    }
    return new WrError('STORE_FAILED', `the database ${this.path} could not be written: ${textOf(cause)}`, {
      cause,
    });
  }

  /** LMDB refuses every transaction after its header could not be written; asked asynchronously it would not answer. */
  #isUsable(): boolean {
    try {
      this.root.transactionSync(() => undefined);
      return true;
    } catch {
      return false;
    }
  }
}

function rangeOptions(range: Range): RangeOptions {
  const { from, to, reverse = false, limit } = range;
  return {
    // Said even when undefined: in reverse, lmdb would else leave out the key of one zero byte.
    end: to as never,
    reverse,
    ...(from === undefined ? {} : { start: from as never }),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** lmdb hands out buffers with a `length` of their own; a plain view costs 50 ns and surprises nobody. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isSameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}
