/** The pid file: says which process is this deployment's manager, and keeps a second one away. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { WrError } from '../core/errors.ts';

/**
 * Claims the file for this process. One left behind by a process that is gone, or whose pid is another program's now, is
 * taken over.
 * @throws {WrError} ALREADY_RUNNING naming the pid
 */
export function claimPidFile(path: string): void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o644 });
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 0) {
        throw new WrError(
          'CANNOT_START',
          `the pid file ${path} cannot be written: ${(cause as Error).message}`,
          { cause },
        );
      }
      const pid = readPid(path);
      if (pid !== null && isManager(pid)) {
        throw new WrError('ALREADY_RUNNING', `a manager is running with pid ${pid} (${path})`);
      }
      rmSync(path, { force: true });
    }
  }
}

/** Removes the file, if it is this process's. */
export function releasePidFile(path: string): void {
  if (readPid(path) === process.pid) rmSync(path, { force: true });
}

function readPid(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

/** Whether a process is alive and runs a manager: a pid alone may have been given out again. */
function isManager(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('server/main');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform === 'linux') return false;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
