/** What a failed write of LMDB means: whether the disk is full, and what lmdb says of it. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

const MDB_MAP_FULL = -30_792;
const ENOSPC = 28;
const EFBIG = 27;
const EDQUOT = 122;

/** lmdb rejects with a general error whose `commitError` is a promise that is rejected with the real one. */
export async function causeOf(thrown: unknown): Promise<unknown> {
  if (typeof thrown !== 'object' || thrown === null || !('commitError' in thrown)) return thrown;
  try {
    return await thrown.commitError;
  } catch (cause) {
    return cause;
  }
}

/** Whether an error says that there is no room left: in the map, on the disk, or of a quota. */
export function isFull(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null) return false;
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return true;
  if (code === MDB_MAP_FULL || code === ENOSPC || code === EDQUOT || code === EFBIG) return true;
  return /No space left|quota exceeded/i.test(textOf(cause));
}

/** Bytes free where a file is; infinitely many when nobody can tell. */
export function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

export function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
