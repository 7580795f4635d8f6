/**
 * A user of the built `wr`: a home, a working directory, ports and an environment of its own, and the processes that come
 * of it. Every process started here, and all that it starts, carries the place's name in its environment: so each can be
 * found, whatever became of its parents, and none is left behind.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../bench/harness/free-ports.ts';
import type { StatusJob } from '../../core/status-job.ts';

export const WR = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

/** What a machine that is much busier than usual may take. A wait ends as soon as it can. */
export const PATIENCE_MS = 60_000;
const POLL_MS = 60;
const START_SECONDS = 60;
const MARK = 'WR_TEST_PLACE';
const ABANDON_ROUNDS = 20;

/** Not yet removed. */
const places = new Set<Place>();
// A test file that takes too long is ended by a signal; nothing of it may stay.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
process.once('exit', () => {
  for (const place of places) place.abandon();
});

export interface Finished {
  /** −1: a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  /** Laid over the place's own; `undefined` takes a variable away. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** As another user; only root may. */
  readonly uid?: number;
}

export interface PlaceOptions {
  readonly deployment?: 'production' | 'development';
}

export type Counts = Readonly<Record<string, number>>;

export class Place {
  /** HOME, and what everything of it is below. */
  readonly dir: string;
  readonly work: string;
  readonly deployment: 'production' | 'development';
  readonly env: NodeJS.ProcessEnv;
  readonly clientPort: number;
  readonly webPort: number;
  /** Of the manager, while one runs. */
  pid = 0;

  private constructor(ports: readonly [number, number], options: PlaceOptions) {
    this.dir = mkdtempSync(join(tmpdir(), 'wr-process-'));
    this.work = join(this.dir, 'work');
    mkdirSync(this.work);
    this.deployment = options.deployment ?? 'production';
    [this.clientPort, this.webPort] = ports;
    const inherited = Object.entries(process.env).filter(
      ([name]) => !name.startsWith('WR_') && !name.startsWith('NODE_'),
    );
    this.env = {
      ...Object.fromEntries(inherited),
      [MARK]: this.dir,
      HOME: this.dir,
      PWD: this.work,
      WR_CONFIG_DIR: this.dir,
      WR_MANAGERDIR: join(this.dir, 'wr'),
      WR_MANAGERPORT: String(ports[0]),
      WR_MANAGERWEB: String(ports[1]),
      WR_DEPLOYMENT: this.deployment,
    };
  }

  static async make(options: PlaceOptions = {}): Promise<Place> {
    const place = new Place(await freePorts(), options);
    places.add(place);
    return place;
  }

  /** A place whose manager runs. */
  static async started(flags: readonly string[] = [], options: PlaceOptions = {}): Promise<Place> {
    const place = await Place.make(options);
    try {
      await place.start(flags);
    } catch (error) {
      await place.remove();
      throw error;
    }
    return place;
  }

  get managerDir(): string {
    return join(this.dir, `wr_${this.deployment}`);
  }

  /** A file of the manager's directory. */
  file(name: string): string {
    return join(this.managerDir, name);
  }

  /** Writes a file into the working directory. @returns its path */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.work, name);
    writeFileSync(path, content);
    return path;
  }

  /** Lines of a file of the working directory; none when it is not there yet. */
  lines(name: string): string[] {
    return linesOf(join(this.work, name));
  }

  /** Runs `wr` to its end, whatever its exit code. */
  wr(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.spawn(process.execPath, [WR, ...args], options).finished;
  }

  /** Runs `wr`, which must succeed. @returns what it printed */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const finished = await this.wr(args, options);
    if (finished.code !== 0) {
      throw new Error(
        `wr ${args.join(' ')} ended with ${finished.code}\n${finished.stderr}${finished.stdout}`,
      );
    }
    return finished;
  }

  /** Starts any program as this user would. */
  spawn(
    file: string,
    args: readonly string[],
    { stdin, env, cwd = this.work, uid }: RunOptions = {},
  ): { readonly pid: number; readonly finished: Promise<Finished> } {
    const child = spawn(file, args, {
      cwd,
      ...(uid === undefined ? {} : { uid }),
      env: { ...this.env, ...(cwd === this.work ? {} : { PWD: cwd }), ...env },
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // It may end without reading all of it.
    child.stdin?.on('error', () => undefined).end(stdin);
    const finished = new Promise<Finished>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
    return { pid: child.pid ?? 0, finished };
  }

  /** `wr manager start`. @returns what it said */
  async start(flags: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    const started = await this.ok(
      ['manager', 'start', '--timeout', String(START_SECONDS), ...flags],
      options,
    );
    this.pid = Number(readFileSync(this.file('pid'), 'utf8'));
    return started;
  }

  /** `wr manager stop`. */
  async stop(): Promise<Finished> {
    const stopped = await this.ok(['manager', 'stop']);
    this.pid = 0;
    return stopped;
  }

  /** Ends the manager without warning and waits until it is gone. */
  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await until(`pid ${this.pid} is gone`, () => !isAlive(this.pid) || undefined);
    this.pid = 0;
  }

  /** Adds commands, a line each. */
  add(lines: readonly string[], flags: readonly string[] = []): Promise<Finished> {
    return this.ok(['add', '-f', '-', ...flags], { stdin: lines.map((line) => `${line}\n`).join('') });
  }

  /** `wr status -o counts`, by label. */
  async counts(selectors: readonly string[] = []): Promise<Counts> {
    const { stdout } = await this.ok(['status', '-o', 'counts', ...selectors]);
    return Object.fromEntries(
      stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(': '))
        .map(([label = '', count]) => [label, Number(count)]),
    );
  }

  /** `wr status -o json`, every command of the selection. */
  async jobs(selectors: readonly string[] = []): Promise<StatusJob[]> {
    const { stdout } = await this.ok(['status', '-o', 'json', '--limit', '0', ...selectors]);
    return JSON.parse(stdout) as StatusJob[];
  }

  /** The one command of a selection. */
  async job(selectors: readonly string[]): Promise<StatusJob> {
    const jobs = await this.jobs(selectors);
    const [job] = jobs;
    if (job === undefined || jobs.length > 1)
      throw new Error(`${selectors.join(' ')}: ${jobs.length} commands`);
    return job;
  }

  /** Waits until all commands of a report group are complete or buried. @returns them */
  settled(repGroup: string, count: number, patienceMs?: number): Promise<StatusJob[]> {
    const settled = ({ State }: StatusJob): boolean => State === 'complete' || State === 'buried';
    return this.until(
      `${count} commands of ${repGroup} are complete or buried`,
      async () => {
        const jobs = await this.jobs(['-i', repGroup]);
        return jobs.length === count && jobs.every(settled) ? jobs : undefined;
      },
      patienceMs,
    );
  }

  /** As {@link until}; when it fails it also says what the manager knows. */
  async until<Value>(
    claim: string,
    look: () => Promise<Value | undefined> | Value | undefined,
    patienceMs?: number,
  ): Promise<Value> {
    try {
      return await until(claim, look, patienceMs);
    } catch (cause) {
      const { stdout, stderr } = await this.wr(['status', '--limit', '3']);
      const log = linesOf(this.file('log')).slice(-30).join('\n');
      throw new Error(`${(cause as Error).message}\n${stdout}${stderr}\n${log}`, { cause });
    }
  }

  /** Every living process that came of this place. */
  processes(): number[] {
    const mark = `${MARK}=${this.dir}\0`;
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid !== process.pid && isAlive(pid))
      .filter((pid) => `${readProc(pid, 'environ')}\0`.includes(mark));
  }

  /** Ends whatever of it is still there, and removes its directory. */
  async remove(): Promise<void> {
    // Some may just be starting others: again until there is none.
    await until('all processes are gone', () => this.#killAll() === 0 || undefined);
    this.#removeDirectory();
    places.delete(this);
  }

  /** What can still be done when this process ends before its tests do. */
  abandon(): void {
    for (let round = 0; round < ABANDON_ROUNDS && this.#killAll() > 0; round += 1);
    this.#removeDirectory();
  }

  /** @returns how many there were */
  #killAll(): number {
    const left = this.processes();
    for (const pid of left) killIfThere(pid);
    return left.length;
  }

  #removeDirectory(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/**
 * Looks again and again until there is something to see. Other processes cannot be waited for in another way.
 * @throws {Error} naming the claim, when it did not come true in time
 */
export async function until<Value>(
  claim: string,
  look: () => Promise<Value | undefined> | Value | undefined,
  patienceMs = PATIENCE_MS,
): Promise<Value> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > untilMs) throw new Error(`not within ${patienceMs / 1000} s: ${claim}`);
    await pause(POLL_MS);
  }
}

/** Lines of a text file; none when it is not there. */
export function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

/** Whether a process runs: one that only waits to be collected does not. */
export function isAlive(pid: number): boolean {
  const stat = readProc(pid, 'stat');
  return stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

/** The words a process was started with; '' when it is gone. */
export function commandLine(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
}
