/** A runner with real processes and a scripted manager, in a temporary directory. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Environment, ownEnvironment } from '../../../cli/runner/environment.ts';
import { Executor } from '../../../cli/runner/executor.ts';
import { Runner } from '../../../cli/runner/runner.ts';
import type { RunnerEnd } from '../../../cli/runner/runner-options.ts';
import type { JobOptions } from '../../../core/job-options.ts';
import { ScriptedManager } from './scripted-manager.ts';

/** What a machine that is much busier than usual may take. */
export const PATIENCE_MS = 60_000;
const POLL_MS = 5;

export interface RealRunner {
  readonly manager: ScriptedManager;
  readonly runner: Runner;
  /** Where commands have their directories. */
  readonly dir: string;
  readonly end: Promise<RunnerEnd>;
}

export const NESTED = {
  variables: { WR_MANAGERHOST: 'localhost', WR_MANAGERPORT: '1', WR_MANAGERCERTDOMAIN: 'localhost' },
  programDir: '/opt/wr',
  program: '/opt/wr/main.js',
  nodeDir: '/usr/bin',
};

/** Runs a body with a runner of two slots for group `g`, and ends it afterwards. */
export async function withRunner(
  body: (real: RealRunner) => Promise<void>,
  options: {
    readonly base?: Partial<JobOptions>;
    readonly slots?: number;
    readonly own?: Environment;
    readonly physicalMb?: number;
    readonly freeBytesMin?: number;
  } = {},
): Promise<void> {
  const top = mkdtempSync(join(tmpdir(), 'wr-test-'));
  const dir = join(top, 'work');
  const manager = new ScriptedManager({ cwd: dir, ...options.base });
  const runner = new Runner(
    {
      runnerId: 'runner-1',
      host: 'here',
      ip: '127.0.0.1',
      pid: process.pid,
      birth: 0,
      group: null,
      slots: 1,
      reserveTimeoutMs: 60_000,
      endMs: Number.MAX_SAFE_INTEGER,
      nested: NESTED,
      ownEnvironment: options.own ?? ownEnvironment(),
    },
    {
      connect: async () => manager.connect(),
      executor: (events) =>
        new Executor(
          {
            shell: '/bin/bash',
            nested: NESTED,
            tmpDir: top,
            runnerId: randomUUID(),
            runnerPid: process.pid,
            physicalMb: options.physicalMb ?? 1_000_000,
            freeBytesMin: options.freeBytesMin ?? 0,
            now: Date.now,
            random: Math.random,
          },
          events,
        ),
      now: Date.now,
      random: Math.random,
      after: (ms, call) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      log: () => undefined,
    },
  );
  const end = runner.run();
  try {
    await manager.until(() => manager.hellos.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    manager.allot({ g: options.slots ?? 2 });
    await body({ manager, runner, dir, end });
  } finally {
    manager.push({ type: 'leave' });
    manager.endWaits();
    runner.stop();
    await end;
    // A process that a test left behind may be making a file in it.
    rmSync(top, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** @param isAlive - whether a process exists and is not just waiting to be collected */
export async function untilGone(pid: number, isAlive: (pid: number) => boolean): Promise<void> {
  await until(`process ${pid} is gone`, () => !isAlive(pid));
}

/**
 * Looks again and again, as other processes tell nobody.
 * @throws {Error} naming the claim, when it did not come true in time
 */
export async function until(claim: string, look: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  while (!look()) {
    if (performance.now() > untilMs) throw new Error(`not within ${patienceMs / 1000} s: ${claim}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Waits for a file that has something in it. @returns that */
export async function contentOf(path: string): Promise<string> {
  const read = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  await until(`there is something in ${path}`, () => read() !== '');
  return read();
}
