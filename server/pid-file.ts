/** The pid file: says which process is this deployment's manager, and keeps a second one away. */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { WrError } from '../core/errors.ts';

/** Others may be taking the same stale file over at the same time. */
const ATTEMPTS_MAX = 50;
const PAUSE_MS = 10;
/** What is said of a file system that has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Claims the file for this process. One left behind by a process that is gone, or whose pid is another program's now, is
 * taken over.
 *
 * The file appears with its pid in it, never empty, and only where there is none. A stale one is removed only by whoever
 * holds `<path>.takeover`, and looks again when it does: so nobody removes what another one has just made.
 * @throws {WrError} ALREADY_RUNNING naming the pid, CANNOT_START
 */
export function claimPidFile(path: string): void {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    if (create(path)) return;
    refuseIfRunning(readPid(path), path);
    if (!removeStale(path)) pause(PAUSE_MS);
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

/** Makes the file, whole at once. @returns false when there is one */
function create(path: string): boolean {
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, `${process.pid}\n`, { mode: 0o644 });
    link(own, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    const { message } = cause as Error;
    throw new WrError('CANNOT_START', `the pid file ${path} cannot be written: ${message}`, { cause });
  } finally {
    rmSync(own, { force: true });
  }
}

/** Gives a file its second name, where the file system knows of such; elsewhere makes another. @throws EEXIST when there is one */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    writeFileSync(to, readFileSync(from), { flag: 'wx', mode: 0o644 });
  }
}

/** Removes a stale file. @returns false while another one is at it */
function removeStale(path: string): boolean {
  const lock = `${path}.takeover`;
  if (!create(lock)) {
    // Of one that died in this very moment.
    const holder = readPid(lock);
    if (holder === null || !isManager(holder)) rmSync(lock, { force: true });
    return false;
  }
  try {
    const pid = readPid(path);
    refuseIfRunning(pid, path);
    rmSync(path, { force: true });
    return true;
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Nothing else of this process is at work yet. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
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
