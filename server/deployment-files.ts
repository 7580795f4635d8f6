/** The directory and the database files of a deployment, as a start finds and leaves them. */
import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import type { Log } from './log.ts';

/** Ours alone, whatever the umask and whatever it was before (reliability.md c46). @throws {WrError} BAD_DIRECTORY */
export function prepareDirectory(path: string): void {
  try {
    // `wr manager start` has made it, with those above it.
    if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o022) !== 0) chmodSync(path, mode & ~0o022);
  } catch (cause) {
    throw new WrError(
      'BAD_DIRECTORY',
      `the manager's directory ${path} cannot be made: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Where the database is backed up by itself; `null`: nowhere. */
export function backupFileOf({ deployment, dbBackupFile }: Config, log: Log): string | null {
  if (deployment === 'development') return null;
  if (!dbBackupFile.startsWith('s3://')) return dbBackupFile;
  log.warn('backups to S3 come later: the database is not backed up by itself', { file: dbBackupFile });
  return null;
}

/** A development deployment begins anew at every start (manager.md §2). */
export function removeStore(config: Config): void {
  for (const path of [config.dbFile, `${config.dbFile}-lock`, config.dbBackupFile]) {
    if (!path.startsWith('s3://')) rmSync(path, { force: true });
  }
}
