/** A database that is not there comes back from its backup (manager.md §9). One that is damaged is left to its owner. */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { WrError } from '../core/errors.ts';

/**
 * @returns whether it was restored
 * @throws {WrError} STORE_FAILED
 */
export function restoreMissing(path: string, backup: string): boolean {
  if (existsSync(path) || !existsSync(backup)) return false;
  const temporary = `${path}.restore-${process.pid}`;
  try {
    copyFileSync(backup, temporary);
    chmodSync(temporary, 0o600);
    const file = openSync(temporary, 'r+');
    fsyncSync(file);
    closeSync(file);
    renameSync(temporary, path);
    return true;
  } catch (cause) {
    rmSync(temporary, { force: true });
    const { message } = cause as Error;
    throw new WrError(
      'STORE_FAILED',
      `the database ${path} could not be restored from ${backup}: ${message}`,
      {
        cause,
      },
    );
  }
}
