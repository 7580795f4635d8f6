/** What happens after a command: on_success or on_failure, then on_exit (spec: jobs.md §14, since-0.36.md §2.4). */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Behaviour, JobOptions } from '../../core/job-options.ts';
import { bytesToByteString, fromByteString, toByteString } from './bytes.ts';
import { withPipefail } from './script.ts';

/** A behaviour that does not end is ended; the attempt is touched meanwhile. */
export const BEHAVIOUR_MS_MAX = 24 * 3_600_000;
const OUTPUT_BYTES_MAX = 4_096;
const OUTPUT_GRACE_MS = 300;

export interface BehaviourWorld {
  /** Where `run` runs. */
  readonly dir: string;
  /** The command's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Removes the directories of the attempt. @returns problems */
  cleanup(): Promise<readonly string[]>;
  /** Told of each process started, so that it can be ended with the attempt. */
  running(child: ChildProcess): void;
}

/** In the order in which they are carried out. */
export function behavioursFor(
  options: Pick<JobOptions, 'onFailure' | 'onSuccess' | 'onExit'>,
  succeeded: boolean,
): readonly Behaviour[] {
  return [...(succeeded ? options.onSuccess : options.onFailure), ...options.onExit];
}

/** Those that do something here; the others are the manager's, or nothing. */
export function isAtRunner(behaviour: Behaviour): boolean {
  return behaviour.run !== undefined || isCleanup(behaviour);
}

export function isCleanup({ cleanup, cleanup_all: cleanupAll }: Behaviour): boolean {
  return cleanup === true || cleanupAll === true;
}

/** Carries out all of them, whatever happens to one. @returns problems */
export async function carryOut(
  behaviours: readonly Behaviour[],
  world: BehaviourWorld,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const behaviour of behaviours) {
    if (behaviour.run !== undefined && behaviour.run !== '') {
      const problem = await runOne(behaviour.run, world);
      if (problem !== null) problems.push(problem);
    } else if (isCleanup(behaviour)) {
      problems.push(...(await world.cleanup()));
    }
  }
  return problems;
}

function runOne(command: string, { dir, env, running }: BehaviourWorld): Promise<string | null> {
  const text = fromByteString(withPipefail(toByteString(command))).toString('utf8');
  return new Promise((resolve) => {
    const child = spawn('/bin/bash', ['-c', text], {
      cwd: dir,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Not left to spawn: its own timer goes on when the child could not be started.
    const overdue = setTimeout(() => child.kill('SIGKILL'), BEHAVIOUR_MS_MAX);
    const settle = (problem: string | null): void => {
      clearTimeout(overdue);
      resolve(problem);
    };
    running(child);
    let output = '';
    const keep = (chunk: Uint8Array): void => {
      output = (output + bytesToByteString(chunk)).slice(-OUTPUT_BYTES_MAX);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    // A directory that is not there is told as a shell that is not.
    child.on('error', ({ message }) =>
      settle(`[${command}] could not be run: ${existsSync(dir) ? message : `its directory ${dir} is gone`}`),
    );
    // Its own end counts, not that of what it left behind with its output open.
    child.on('exit', () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, OUTPUT_GRACE_MS).unref();
    });
    child.on('close', (code, signal) => {
      const said = fromByteString(output).toString('utf8').trim();
      settle(
        code === 0
          ? null
          : `[${command}] ended with ${signal ?? `exit code ${code}`}${said === '' ? '' : `: ${said}`}`,
      );
    });
  });
}
