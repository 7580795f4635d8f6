/** A manager of the built `wr` in a temporary directory on free ports: started, measured, killed and cleared away. */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from './free-ports.ts';
import { Probe } from './probe.ts';

/** The built binary beside this built file, unless another tree's is asked for. */
const OWN_BINARY = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 2;

export interface Finished {
  /** Process start to process end. */
  readonly wallMs: number;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** What a failing process should not throw for. */
  readonly allowFailure?: boolean;
  readonly onStderr?: (text: string) => void;
}

/** Runs a process to its end. @throws {Error} with its output when it fails, unless that is allowed */
export async function runProcess(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const startedMs = performance.now();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    options.onStderr?.(text);
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit) => resolve(exit ?? -1));
  });
  const wallMs = performance.now() - startedMs;
  if (code !== 0 && options.allowFailure !== true) {
    throw new Error(`${file} ${args.join(' ')} ended with ${code}\n${stderr}${stdout}`);
  }
  return { wallMs, code, stdout, stderr };
}

export interface ManagerOptions {
  /** Further flags of `wr manager start`. */
  readonly flags?: readonly string[];
  /** `dist/cli/main.js` of the tree to measure; default: this one's. */
  readonly binary?: string;
  readonly deployment?: 'production' | 'development';
}

export class BenchManager {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clientPort: number;
  readonly webPort: number;
  pid = 0;
  readonly #binary: string;
  readonly #flags: readonly string[];
  readonly #deployment: string;

  private constructor(dir: string, ports: readonly [number, number], options: ManagerOptions) {
    this.dir = dir;
    [this.clientPort, this.webPort] = ports;
    this.#binary = options.binary ?? OWN_BINARY;
    this.#flags = options.flags ?? [];
    this.#deployment = options.deployment ?? 'production';
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('WR_'));
    this.env = {
      ...Object.fromEntries(inherited),
      HOME: dir,
      WR_CONFIG_DIR: dir,
      WR_MANAGERDIR: join(dir, 'wr'),
      WR_MANAGERPORT: String(ports[0]),
      WR_MANAGERWEB: String(ports[1]),
      WR_DEPLOYMENT: this.#deployment,
    };
  }

  static async start(options: ManagerOptions = {}): Promise<BenchManager> {
    const dir = mkdtempSync(join(tmpdir(), 'wr-bench-'));
    mkdirSync(join(dir, 'work'));
    const manager = new BenchManager(dir, await freePorts(), options);
    clearAwayAtExit(manager);
    try {
      await manager.launch();
    } catch (error) {
      await manager.remove();
      throw error;
    }
    return manager;
  }

  /** Where the manager keeps its files. */
  get managerDir(): string {
    return join(this.dir, `wr_${this.#deployment}`);
  }

  get caFile(): string {
    return join(this.managerDir, 'ca.pem');
  }

  get token(): string {
    return readFileSync(join(this.managerDir, 'client.token'), 'utf8');
  }

  get logFile(): string {
    return join(this.managerDir, 'log');
  }

  /** Runs `wr` against this manager. */
  wr(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const paths = { cwd: join(this.dir, 'work'), env: this.env };
    return runProcess(process.execPath, [this.#binary, ...args], { ...paths, ...options });
  }

  /** Starts `wr`, its output to be read as it comes. */
  start(args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    const paths = { cwd: join(this.dir, 'work'), env: this.env };
    return spawn(process.execPath, [this.#binary, ...args], {
      ...paths,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  /** `wr manager start`, again after a kill. Returns what it said. */
  async launch(): Promise<Finished> {
    const started = await this.wr([
      'manager',
      'start',
      '--timeout',
      String(START_TIMEOUT_MS / 1000),
      ...this.#flags,
    ]);
    this.pid = Number(readFileSync(join(this.managerDir, 'pid'), 'utf8'));
    return started;
  }

  /** Kills the manager without warning and waits until it is gone. */
  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    while (isAlive(this.pid)) await sleep(POLL_MS);
  }

  probe(): Promise<Probe> {
    return Probe.connect(this);
  }

  memory(): MemoryFigures {
    return readMemory(this.pid);
  }

  /** User and system time so far, s. */
  cpuSeconds(): number {
    return readCpuSeconds(this.pid);
  }

  /** Bytes the database takes on the disk. */
  databaseBytes(): number {
    return ['db', 'db-wal']
      .map((name) => join(this.managerDir, name))
      .filter((path) => existsSync(path))
      .reduce((sum, path) => sum + statSync(path).blocks * 512, 0);
  }

  /** Stops the manager, by force when it does not go, and removes its directory. */
  async remove(): Promise<void> {
    await this.wr(['manager', 'stop'], { allowFailure: true });
    if (isAlive(this.pid)) await this.kill();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
    left.delete(this);
  }

  /** The same without waiting for anything else: for a process that ends. */
  removeNow(): void {
    const paths = { cwd: join(this.dir, 'work'), env: this.env };
    spawnSync(process.execPath, [this.#binary, 'manager', 'stop'], { ...paths, timeout: STOP_TIMEOUT_MS });
    if (isAlive(this.pid)) process.kill(this.pid, 'SIGKILL');
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Managers that are not cleared away yet. */
const left = new Set<BenchManager>();
let clearing = false;

/** A bench that fails or is interrupted leaves no manager and no directory behind. */
function clearAwayAtExit(manager: BenchManager): void {
  left.add(manager);
  if (clearing) return;
  clearing = true;
  process.on('exit', () => {
    for (const each of left) each.removeNow();
  });
  process.once('SIGTERM', () => process.exit(143));
}

export interface MemoryFigures {
  readonly rssBytes: number;
  /** Without mapped files: the database's pages are the kernel's to drop. */
  readonly anonymousBytes: number;
  readonly peakRssBytes: number;
}

/** Resident memory of a process. */
export function readMemory(pid: number): MemoryFigures {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return {
    rssBytes: bytes('VmRSS'),
    // Shared arrays count as shmem, not as anonymous, in some kernels.
    anonymousBytes: bytes('RssAnon') + bytes('RssShmem'),
    peakRssBytes: bytes('VmHWM'),
  };
}

const TICKS_PER_SECOND = 100;

function readCpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A killed child of a container without an init stays as a zombie.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
