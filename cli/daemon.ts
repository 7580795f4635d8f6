/** The manager as a process: starting it in the background, finding it by its pid file, and ending it (cli.md §10). */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withAllocator } from '../core/allocator.ts';
import { type Config, configAsEnv } from '../core/config.ts';
import { WrError } from '../core/errors.ts';
import { closeInheritedFiles } from './inherited-files.ts';

/** The server is never imported, only started. */
const ENTRY_FILE = fileURLToPath(new URL('../server/main.js', import.meta.url));
const ENTRY_NAME = 'server/main';
/** Clocks of process table and file system differ by so much. */
const CLOCK_SLACK_MS = 3_000;
const POLL_MS = 50;
const FORWARD_MS = 500;

export interface DaemonOptions {
  readonly config: Config;
  /** Flags of `wr manager start`, as the server takes them. */
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface Daemon {
  readonly pid: number;
  /** Resolves when the process ends, with how. */
  readonly ended: Promise<string>;
}

/**
 * Starts the manager in a session of its own, without a terminal.
 * What Node itself says when it dies goes to the end of the log, as it would be lost otherwise.
 * @throws {WrError} CANNOT_START
 */
export function startDaemon({ config, flags, env }: DaemonOptions): Daemon {
  closeInheritedFiles();
  const log = openSync(config.logFile, 'a', 0o644);
  try {
    const child = spawn(process.execPath, serverArguments(config, flags), {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'ignore', log],
      env: serverEnvironment(config, env),
    });
    const ended = endOf(child);
    if (child.pid === undefined)
      throw new WrError('CANNOT_START', `${process.execPath} could not be started`);
    child.unref();
    return { pid: child.pid, ended };
  } finally {
    closeSync(log);
  }
}

/** Runs the manager with this terminal until it ends. @param begun - its process was started @returns its exit code */
export async function runInForeground(
  { config, flags, env }: DaemonOptions,
  begun: (daemon: Daemon) => void = () => undefined,
): Promise<number> {
  const child = spawn(process.execPath, [...serverArguments(config, flags), '--foreground'], {
    stdio: 'inherit',
    env: serverEnvironment(config, env),
  });
  begun({ pid: child.pid ?? 0, ended: endOf(child) });
  const forward = (): void => void child.kill('SIGTERM');
  // Ctrl-C reaches both, and a second one ends the manager at once. Who interrupts this process alone means the manager too,
  // which takes this for a first one, or for none.
  const stay = (): void => void setTimeout(() => child.kill('SIGUSR2'), FORWARD_MS).unref();
  process.on('SIGINT', stay);
  process.on('SIGTERM', forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => reject(new WrError('CANNOT_START', cause.message, { cause })));
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    process.off('SIGINT', stay);
    process.off('SIGTERM', forward);
  }
}

/**
 * As many threads for the collector as there are cores to spare, instead of always four: on two cores those only make the
 * others wait (p99 of the main thread's delay while 10 M lines come in: 19 ms with four, 9 ms with one).
 */
const NODE_FLAGS = ['--v8-pool-size=0'];

/** Runs the server's entry file to its end for something that needs no manager. @returns what it printed */
export async function runServer({ config, flags, env }: DaemonOptions): Promise<string> {
  const child = spawn(process.execPath, serverArguments(config, flags), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: serverEnvironment(config, env),
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => reject(new WrError('CANNOT_START', cause.message, { cause })));
    child.once('close', () => resolve());
  });
  return said;
}

function serverArguments(config: Config, flags: readonly string[]): string[] {
  return [...NODE_FLAGS, ENTRY_FILE, ...flags, '--deployment', config.deployment];
}

function serverEnvironment(config: Config, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return withAllocator({ ...env, ...configAsEnv(config) });
}

function endOf(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
}

export type PidFile =
  | { readonly state: 'none' }
  | { readonly state: 'stale'; readonly pid: number | null }
  | { readonly state: 'running'; readonly pid: number };

/** What the pid file says, verified: the pid of a manager that is gone may be another program's by now. */
export function readPidFile(path: string): PidFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch {
    return { state: 'none' };
  }
  const pid = Number(text);
  if (!Number.isSafeInteger(pid) || pid <= 0) return { state: 'stale', pid: null };
  return isManager(pid, statSync(path, { throwIfNoEntry: false })?.mtimeMs)
    ? { state: 'running', pid }
    : { state: 'stale', pid };
}

/** @param writtenMs - when the pid was written down: who started later is somebody else */
function isManager(pid: number, writtenMs: number | undefined): boolean {
  if (!isAlive(pid)) return false;
  let commandLine: string;
  try {
    commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    // Where there is no such file system the pid alone has to do.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT' || process.platform !== 'linux';
  }
  if (!commandLine.includes(ENTRY_NAME)) return false;
  const startedMs = startTimeMs(pid);
  return writtenMs === undefined || startedMs === null || startedMs <= writtenMs + CLOCK_SLACK_MS;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One that has ended and that its parent has not asked about. */
function isZombie(pid: number): boolean {
  return statFields(pid)?.[0] === 'Z';
}

/** Unix ms; `null` where the system does not tell. */
function startTimeMs(pid: number): number | null {
  const ticks = Number(statFields(pid)?.[19]);
  try {
    const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1];
    return Number.isFinite(ticks) && boot !== undefined ? Number(boot) * 1000 + ticks * 10 : null;
  } catch {
    return null;
  }
}

/** The fields of `/proc/<pid>/stat` behind the name, which may hold anything: state first, start time as the 20th. */
function statFields(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** Resolves true once the process is gone, false when it is still there after `timeoutMs`. */
export async function waitForEnd(pid: number, timeoutMs: number): Promise<boolean> {
  const untilMs = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > untilMs) return false;
    await pause(POLL_MS);
  }
  return true;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
