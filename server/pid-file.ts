/** The pid file: says which process is this deployment's manager, and keeps a second one away. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { WrError } from '../core/errors.ts';

/** Others may be taking the same stale file over at the same time. */
const ATTEMPTS_MAX = 5;

/**
 * Claims the file for this process. One left behind by a process that is gone, or whose pid is another program's now, is
 * taken over.
 *
 * Several may find a stale file at once: each moves it aside before it makes its own, and looks at what it has moved. Whoever
 * finds there what another one made meanwhile puts it back and gives way.
 * @throws {WrError} ALREADY_RUNNING naming the pid, CANNOT_START
 */
export function claimPidFile(path: string): void {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (create(path)) return;
    refuseIfRunning(readPid(path), path);
    takeAside(path);
  }
  throw new WrError(
    'CANNOT_START',
    `the pid file ${path} cannot be taken over from others that are starting`,
  );
}

/** Removes the file, if it is this process's. */
export function releasePidFile(path: string): void {
  if (readPid(path) === process.pid) rmSync(path, { force: true });
}

/** @returns false when there is one */
function create(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o644 });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    const { message } = cause as Error;
    throw new WrError('CANNOT_START', `the pid file ${path} cannot be written: ${message}`, { cause });
  }
}

/** Moves a stale file out of the way. */
function takeAside(path: string): void {
  const aside = `${path}.stale-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return; // Someone else was faster.
    const { message } = cause as Error;
    throw new WrError('CANNOT_START', `the pid file ${path} cannot be taken over: ${message}`, { cause });
  }
  const pid = readPid(aside);
  try {
    if (pid !== null && isManager(pid)) linkSync(aside, path);
  } catch {
    // There is another one already: it is looked at next.
  } finally {
    rmSync(aside, { force: true });
  }
  refuseIfRunning(pid, path);
}

function refuseIfRunning(pid: number | null, path: string): void {
  if (pid === null || !isManager(pid)) return;
  throw new WrError('ALREADY_RUNNING', `a manager is running with pid ${pid} (${path})`);
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
