/**
 * Looks at a database file before anything opens it: a file that is not ours, or not whole, is refused unread and
 * unwritten. (Reading a memory map beyond the end of a cut file would kill the process with SIGBUS.)
 *
 * ```
 * page 0  ┌ header, 24 bytes ┬ magic u32 · version u32 · address u64 · map size u64 · page size u32 … last page u64 · txn u64
 * page 1  └ the same; the one with the higher transaction number counts
 * ```
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { WrError } from '../core/errors.ts';

const META_OFFSET = 24;
const META_BYTES = 144;
const MAGIC = 0xbeefc0de;
/** The file format of the LMDB that our dependency builds. */
const DATA_VERSION = 2;
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;

export interface StoreFile {
  /** Shorter than its highest page: legitimate when the last pages are free ones, damage otherwise. */
  readonly short: boolean;
}

/**
 * @param write - whether it is going to be opened for writing
 * @returns `null` when there is no such file
 * @throws {WrError} STORE_UNREADABLE, STORE_FOREIGN
 */
export function inspectStoreFile(path: string, write: boolean): StoreFile | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  // Opening a pipe or a device might block, or worse.
  if (!stats.isFile()) {
    throw new WrError(
      'STORE_UNREADABLE',
      `the database ${path} is ${stats.isDirectory() ? 'a directory' : 'not a regular file'}`,
    );
  }
  const file = openSync(path, write ? 'r+' : 'r');
  try {
    return inspect(path, file);
  } finally {
    closeSync(file);
  }
}

/** Any failure of a system call while a store is opened, as ours. */
export function unreadable(path: string, cause: unknown): WrError {
  if (cause instanceof WrError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new WrError('STORE_UNREADABLE', `the database ${path} cannot be opened: ${why}`, { cause });
}

function inspect(path: string, file: number): StoreFile {
  const size = fstatSync(file).size;
  const first = readMeta(file, 0);
  if (first === null || first.magic !== MAGIC) throw foreign(path, 'it is not an LMDB file');
  if (first.version !== DATA_VERSION) throw foreign(path, `its LMDB format is ${first.version}`);
  const { pageBytes } = first;
  if (pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX)
    throw damaged(path, `its page size is ${pageBytes}`);
  const second = readMeta(file, pageBytes);
  if (second === null || size < 2 * pageBytes) throw damaged(path, `it ends after ${size} bytes`);
  if (second.magic !== MAGIC) throw damaged(path, 'its second header is damaged');
  const newest = second.transaction > first.transaction ? second : first;
  return { short: size < (newest.lastPage + 1) * pageBytes };
}

interface Meta {
  readonly magic: number;
  readonly version: number;
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
}

function readMeta(file: number, pageOffset: number): Meta | null {
  const bytes = Buffer.alloc(META_BYTES);
  if (readSync(file, bytes, 0, META_BYTES, pageOffset + META_OFFSET) < META_BYTES) return null;
  return {
    magic: bytes.readUInt32LE(0),
    version: bytes.readUInt32LE(4),
    pageBytes: bytes.readUInt32LE(24),
    lastPage: Number(bytes.readBigUInt64LE(120)),
    transaction: Number(bytes.readBigUInt64LE(128)),
  };
}

function foreign(path: string, why: string): WrError {
  return new WrError('STORE_FOREIGN', `${path} is no database of wr: ${why}`);
}

/** What the check before opening, or a read later on, found to be broken. */
export function damaged(path: string, why: string): WrError {
  return new WrError('STORE_UNREADABLE', `the database ${path} is damaged: ${why}`);
}
