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
import { findMissingPage } from './page-walk.ts';

const META_OFFSET = 24;
const META_BYTES = 144;
const MAGIC = 0xbeefc0de;
/** The file format of the LMDB that our dependency builds. */
const DATA_VERSION = 2;
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;

/**
 * @param write - whether it is going to be opened for writing
 * @returns whether there is a file
 * @throws {WrError} STORE_UNREADABLE, STORE_FOREIGN
 */
export function inspectStoreFile(path: string, write: boolean): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  // Opening a pipe or a device might block, or worse.
  if (!stats.isFile()) {
    throw new WrError(
      'STORE_UNREADABLE',
      `the database ${path} is ${stats.isDirectory() ? 'a directory' : 'not a regular file'}`,
    );
  }
  const file = openSync(path, write ? 'r+' : 'r');
  try {
    inspect(path, file);
    return true;
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

function inspect(path: string, file: number): void {
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
  if (size >= (newest.lastPage + 1) * pageBytes) return;
  // Shorter than its highest page: right when the last pages were freed before they were written, damage otherwise.
  const missing = findMissingPage(file, size, pageBytes, newest.roots);
  if (missing !== null)
    throw damaged(path, `it ends after ${size} bytes, and lacks what the page at ${missing} leads to`);
}

interface Meta {
  readonly magic: number;
  readonly version: number;
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly roots: readonly bigint[];
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
    roots: [bytes.readBigUInt64LE(64), bytes.readBigUInt64LE(112)],
  };
}

function foreign(path: string, why: string): WrError {
  return new WrError('STORE_FOREIGN', `${path} is no database of wr: ${why}`);
}

function damaged(path: string, why: string): WrError {
  return new WrError('STORE_UNREADABLE', `the database ${path} is damaged: ${why}`);
}
