/** `wr manager compact`: the database of a stopped manager, written anew without its free pages, then put in its place. */
import { existsSync, statSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import { compactLmdb } from '../store/lmdb.ts';
import { claimPidFile, releasePidFile } from './pid-file.ts';

export interface Compacted {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

/**
 * As long as it takes, no manager starts on it.
 * @throws {WrError} ALREADY_RUNNING, BAD_INPUT, STORE_NEWER, STORE_FOREIGN, STORE_UNREADABLE, STORE_FULL, STORE_FAILED: the
 *   database was not touched
 */
export async function compact({ dbFile, pidFile }: Pick<Config, 'dbFile' | 'pidFile'>): Promise<Compacted> {
  if (!existsSync(dbFile)) throw new WrError('BAD_INPUT', `there is no database ${dbFile} to be compacted`);
  claimPidFile(pidFile);
  try {
    const beforeBytes = statSync(dbFile).size;
    await compactLmdb(dbFile);
    return { beforeBytes, afterBytes: statSync(dbFile).size };
  } finally {
    releasePidFile(pidFile);
  }
}
