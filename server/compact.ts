/**
 * `wr manager compact`: what nothing needs any more is taken out of the database of a stopped manager, which is written anew
 * without its free pages, and put in its place.
 */
import { existsSync, statSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import { sweep } from '../store/leftovers.ts';
import { compactLmdb, openLmdb } from '../store/lmdb.ts';
import { claimPidFile, releasePidFile } from './pid-file.ts';

export interface Compacted {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

/**
 * As long as it takes, no manager starts on it.
 * @throws {WrError} ALREADY_RUNNING, BAD_INPUT, STORE_NEWER, STORE_FOREIGN, STORE_UNREADABLE: the database was not touched;
 *   STORE_FULL, STORE_FAILED: only what nothing needs may be gone from it
 */
export async function compact({ dbFile, pidFile }: Pick<Config, 'dbFile' | 'pidFile'>): Promise<Compacted> {
  if (!existsSync(dbFile)) throw new WrError('BAD_INPUT', `there is no database ${dbFile} to be compacted`);
  claimPidFile(pidFile);
  try {
    const beforeBytes = statSync(dbFile).size;
    const store = openLmdb(dbFile);
    try {
      await sweep(store);
    } finally {
      await store.close();
    }
    await compactLmdb(dbFile);
    return { beforeBytes, afterBytes: statSync(dbFile).size };
  } finally {
    releasePidFile(pidFile);
  }
}
