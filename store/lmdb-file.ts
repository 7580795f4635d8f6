/** The file of an LMDB store: whether it is one of ours, making it, opening it, and copying it whole. */
import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp, open as openFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { WrError } from '../core/errors.ts';
import { keyToU32, TABLES, type TableName, u32Key } from './key-value.ts';
import { isFull, textOf } from './lmdb-failures.ts';
import { mapBytesFor } from './map-size.ts';
import { inspectStoreFile } from './store-file.ts';

/** Written when a store is created; a reader refuses what is newer. */
export const STORE_FORMAT = 1;
const FORMAT_KEY = new TextEncoder().encode('wr.format');

const TABLES_MAX = 64;

export type Table = Database<Uint8Array, Uint8Array>;
export type Root = RootDatabase<Uint8Array, Uint8Array>;
export type Tables = ReadonlyMap<TableName, Table>;

const BINARY = { keyEncoding: 'binary', encoding: 'binary' } as const;

/**
 * Whether a file is a store of ours.
 * @param write - whether it is to be written
 * @returns false when there is no file
 * @throws {WrError} STORE_NEWER, STORE_FOREIGN, STORE_UNREADABLE
 */
export function checkFile(path: string, write: boolean): boolean {
  if (!inspectStoreFile(path, write)) return false;
  const root = openRoot(path, true);
  try {
    checkFormat(path, root);
  } finally {
    closeNow(root);
  }
  return true;
}

function checkFormat(path: string, root: Root): void {
  const marker = openTable(root, 'meta', true)?.get(FORMAT_KEY);
  if (marker?.byteLength !== 4)
    throw new WrError('STORE_FOREIGN', `${path} is an LMDB file, but no database of wr`);
  const format = keyToU32(marker);
  if (format <= STORE_FORMAT) return;
  throw new WrError(
    'STORE_NEWER',
    `the database ${path} has format ${format}; this wr knows formats up to ${STORE_FORMAT}`,
  );
}

/**
 * Makes an empty store of mode 0600 beside its place and moves it there when it is whole: a start that is killed leaves no
 * half database behind.
 * @throws {WrError} STORE_FULL, STORE_FAILED
 */
export function createFile(path: string): void {
  const temporary = `${path}.new-${process.pid}`;
  const remove = (): void => {
    for (const name of [temporary, `${temporary}-lock`]) rmSync(name, { force: true });
  };
  try {
    remove();
    closeSync(openSync(temporary, 'wx', 0o600));
    chmodSync(temporary, 0o600); // Whatever the umask took away.
    const root = openRoot(temporary, false);
    const tables = openTables(root, false);
    tables.get('meta')?.putSync(FORMAT_KEY, u32Key(STORE_FORMAT));
    closeNow(root);
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (cause) {
    const code = isFull(cause) ? 'STORE_FULL' : 'STORE_FAILED';
    throw new WrError(code, `the database ${path} cannot be created: ${textOf(cause)}`, { cause });
  } finally {
    remove();
  }
}

/** Without asynchronous writes lmdb closes before it returns; opening the file again then makes a new environment. */
export function closeNow(root: Root): void {
  void root.close();
}

/** Opens the environment. The errors are LMDB's own: `unreadable` of store-file.ts names them. */
export function openRoot(path: string, readOnly: boolean): Root {
  // `permissionsMode` is missing in lmdb's types, hence not a literal in the call.
  const options = {
    ...BINARY,
    path,
    noSubdir: true,
    readOnly,
    mapSize: mapBytesFor(path),
    maxDbs: TABLES_MAX,
    overlappingSync: false,
    // It would put what one turn of the event loop writes into one transaction, and drop a promise that may be rejected.
    eventTurnBatching: false,
    permissionsMode: 0o600,
  };
  return open<Uint8Array, Uint8Array>(options);
}

/** All tables; a writer makes those that are missing, a reader goes without. */
export function openTables(root: Root, readOnly: boolean): Tables {
  const tables = new Map<TableName, Table>();
  for (const name of TABLES) {
    const table = openTable(root, name, readOnly);
    // A table that came with a later wr of the same format: empty.
    if (table !== undefined) tables.set(name, table);
  }
  return tables;
}

function openTable(root: Root, name: TableName, readOnly: boolean): Table | undefined {
  // `create` is missing in lmdb's types, and so is the `undefined` of a table that is not there.
  const options = { ...BINARY, name, create: !readOnly };
  return root.openDB<Uint8Array, Uint8Array>(options) as Table | undefined;
}

/**
 * Copies a store beside its place and moves it there when it is whole, whatever was there before.
 * @param compact - without free pages
 * @throws {WrError} STORE_FULL, STORE_FAILED: what was at `path` is still there
 */
export async function copyTo(root: Root, path: string, compact: boolean): Promise<void> {
  let directory: string | undefined;
  try {
    directory = await mkdtemp(join(dirname(path), `.${basename(path)}.`));
    const copy = join(directory, 'copy');
    await root.backup(copy, compact);
    const file = await openFile(copy, 'r+');
    try {
      await file.chmod(0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(copy, path);
    syncDirectory(dirname(path));
  } catch (cause) {
    const code = isFull(cause) ? 'STORE_FULL' : 'STORE_FAILED';
    throw new WrError(code, `the database could not be copied to ${path}: ${textOf(cause)}`, { cause });
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
