/** The directory and the database files of a deployment, as a start finds and leaves them. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import type { Log } from './log.ts';

const WRITE_OF_OTHERS = 0o022;
const PRIVATE = 0o700;

/** `wr manager start` has made it, with those above it. @throws {WrError} BAD_DIRECTORY */
export function prepareDirectory(path: string): void {
  try {
    if (!existsSync(path)) mkdirSync(path, { mode: PRIVATE });
  } catch (cause) {
    throw new WrError(
      'BAD_DIRECTORY',
      `the manager's directory ${path} cannot be made: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/**
 * Takes from others what would let them meddle with the manager: the right to write to its directory, and any to what was
 * uploaded (since-0.36.md §3.3). What is a symbolic link is not ours to change.
 */
export function tightenModes({ managerDir, uploadDir }: Config, log: Log): void {
  tighten(managerDir, (mode) => mode & ~WRITE_OF_OTHERS, log);
  if (existsSync(uploadDir)) tightenTree(uploadDir, log);
}

function tightenTree(path: string, log: Log): void {
  tighten(path, () => PRIVATE, log);
  if (lstatSync(path).isSymbolicLink()) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) tightenTree(join(path, entry.name), log);
}

function tighten(path: string, modeFor: (mode: number) => number, log: Log): void {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) {
    log.warn('a directory is a symbolic link: whoever may write to where it leads is not looked at', {
      path,
    });
    return;
  }
  const from = stats.mode & 0o777;
  const to = modeFor(from);
  if (to === from) return;
  try {
    chmodSync(path, to);
    log.info('the mode of a directory was changed', { path, from: octal(from), to: octal(to) });
  } catch (error) {
    log.warn('the mode of a directory could not be changed', { path, error: (error as Error).message });
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
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
