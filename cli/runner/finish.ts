/** From the exit of a command to the report of its attempt: output, behaviours, verdict (runner.md §3.7, since-0.36.md §2.3). */
import type { ChildProcess } from 'node:child_process';
import { constants, totalmem } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { classify, EXIT_SIGNALLED, type Verdict } from '../../core/classify.ts';
import type { EndedEvent } from '../../core/runner-messages.ts';
import type { Workspace } from './attempt-directories.ts';
import { behavioursFor, carryOut, isAtRunner, isCleanup } from './behaviours.ts';
import { bytesToByteString } from './bytes.ts';
import { diskUsedMb } from './disk-usage.ts';
import type { Execution, Job, NotStarted } from './execution.ts';
import { countsWholeMachine, kernelMemoryKills, mayHaveUsedTooMuch } from './memory-kills.ts';
import type { LaunchEnd } from './notices.ts';
import { signalMessage } from './signal-messages.ts';
import type { Workspaces } from './workspace.ts';

/** The last disk measurement must not hold up the report. */
const DISK_MS_MAX = 2_000;
/** What ran longer may have filled its directories, whatever others like it did. */
const TRUSTED_MS_MAX = 100;
const NOTHING = new Uint8Array(0);
const BYTES_PER_MB = 1024 * 1024;

export interface FinishWorld {
  readonly workspaces: Workspaces;
  now(): number;
  /** The command's whole environment, for behaviours. */
  environment(): Readonly<Record<string, string>>;
  running(child: ChildProcess): void;
}

/** How the command ended, as far as the shell that ran it knows. */
interface Exit {
  readonly code: number;
  readonly known: boolean;
  /** 0: no signal. */
  readonly signal: number;
  /** The end of its error output is the shell's message, not the command's. */
  readonly shellMessage: string | null;
}

/**
 * The usual end, without waiting: success, nothing written, nothing to do but to remove directories that are empty.
 * @returns `null` when it is not so; nothing was changed then
 */
export function finishAtOnce(
  execution: Execution,
  end: LaunchEnd | null,
  world: FinishWorld,
): EndedEvent | null {
  const { job, workspace } = execution;
  if (end === null || end.status !== 0 || end.noDirectory || workspace === null) return null;
  const { onSuccess, onExit } = job.options;
  if (onSuccess.some(isAtRunner) || !onExit.some(isCleanup) || onExit.some(({ run }) => run !== undefined))
    return null;
  const { endedMs } = execution;
  if (!isEmptied(execution, workspace, world.workspaces)) {
    execution.habits.leavesFiles = true;
    return null;
  }
  return eventOf(execution, { outcome: 'complete', exitCode: 0, reason: '' }, endedMs, NOTHING, NOTHING);
}

function isEmptied(execution: Execution, workspace: Workspace, workspaces: Workspaces): boolean {
  const { short, habits, startedMs, endedMs } = execution;
  if (!short) return workspaces.removeEmpty(workspace);
  const trusted = !habits.leavesFiles && endedMs - startedMs < TRUSTED_MS_MAX;
  return workspaces.keep(workspace, habits, trusted) || workspaces.removeEmpty(workspace);
}

export async function finish(
  execution: Execution,
  end: LaunchEnd | null,
  world: FinishWorld,
): Promise<EndedEvent> {
  const { endedMs } = execution;
  const { job } = execution;
  if (end?.noDirectory || (end === null && execution.startedMs === 0))
    return await neverStarted(execution, end, world);
  const output = readOutput(execution, end);
  const exit = exitOf(execution, end, output.stderr);
  const verdict = classify({
    exitCode: exit.code,
    known: exit.known,
    memoryKill: execution.kill === 'memory' || killedByKernel(execution, exit),
    diskFull: execution.kill === 'disk',
    signalled: execution.kill === 'signal',
    overTime: execution.overTime,
    killed: execution.kill === 'user',
    wallMs: endedMs - execution.startedMs,
    noRetryOverWalltimeMs: job.options.noRetryOverWalltimeMs,
    attemptsLeft: job.attemptsLeft,
  });
  await measureDisk(execution);
  const problems = await afterCommand(execution, verdict.outcome === 'complete', world);
  const notes: string[] = [];
  if (verdict.outcome !== 'complete' && exit.known === false)
    notes.push('The launcher of the command died; how the command ended is not known.');
  if (
    verdict.outcome !== 'complete' &&
    verdict.reason !== 'command used too much RAM' &&
    execution.peakRamMb > job.memoryMb
  ) {
    notes.push(
      `note: the command used ${execution.peakRamMb} MB of memory, and had asked for ${job.memoryMb} MB`,
    );
  }
  if (problems.length > 0) notes.push(`Behaviour problems:\n${problems.join('\n')}`);
  const failed = verdict.outcome !== 'complete';
  const stderr = failed ? withoutShellMessage(output.stderr, exit.shellMessage) : NOTHING;
  return eventOf(execution, verdict, endedMs, failed ? output.stdout : NOTHING, withNotes(stderr, notes));
}

/** The report of a job that could not be started at all. */
export function neverPrepared(
  job: Job,
  why: Pick<NotStarted, 'reason' | 'outcome' | 'message'>,
  nowMs: number,
): EndedEvent {
  return {
    event: 'ended',
    attempt: job.attempt,
    outcome: why.outcome,
    exitCode: EXIT_SIGNALLED,
    reason: why.reason,
    pid: 0,
    startedMs: 0,
    endedMs: nowMs,
    cwd: '',
    stdout: NOTHING,
    stderr: Buffer.from(why.message),
    peakRamMb: 0,
    peakDiskMb: 0,
    cpuMs: 0,
  };
}

/** The report of a job that was to be killed before it started. */
export function killedBeforeStart(job: Job, nowMs: number): EndedEvent {
  return neverPrepared(job, { reason: 'killed by user request', outcome: 'bury', message: '' }, nowMs);
}

async function neverStarted(
  execution: Execution,
  end: LaunchEnd | null,
  world: FinishWorld,
): Promise<EndedEvent> {
  const { workspace, job, dir } = execution;
  if (workspace !== null) await world.workspaces.remove(workspace);
  const verdict: Verdict =
    end === null
      ? { outcome: 'release', exitCode: EXIT_SIGNALLED, reason: 'command failed to start' }
      : { outcome: 'bury', exitCode: EXIT_SIGNALLED, reason: 'working directory does not exist' };
  const message = end === null ? 'sh could not be started' : `${dir} cannot be entered: ${end.messages}`;
  return {
    ...eventOf(execution, verdict, world.now(), NOTHING, Buffer.from(message)),
    attempt: job.attempt,
    startedMs: 0,
    pid: 0,
    cwd: '',
  };
}

function eventOf(
  execution: Execution,
  verdict: Verdict,
  endedMs: number,
  stdout: Uint8Array,
  stderr: Uint8Array,
): EndedEvent {
  const { job, pid, startedMs, dir, peakRamMb, peakDiskMb, cpuMs } = execution;
  return {
    event: 'ended',
    attempt: job.attempt,
    outcome: verdict.outcome,
    exitCode: verdict.exitCode,
    reason: verdict.reason,
    pid,
    startedMs,
    // Even the shortest command takes time; clocks that were set back do not make it negative.
    endedMs: Math.max(endedMs, startedMs + 1),
    cwd: dir,
    stdout,
    stderr,
    peakRamMb,
    peakDiskMb,
    cpuMs,
  };
}

function readOutput(
  { output }: Execution,
  end: LaunchEnd | null,
): { readonly stdout: Uint8Array; readonly stderr: Uint8Array } {
  if (end?.status === 0) return { stdout: NOTHING, stderr: NOTHING };
  try {
    return output.finish();
  } catch (error) {
    return {
      stdout: NOTHING,
      stderr: Buffer.from(`STDERR handling problems:\n${error instanceof Error ? error.message : error}`),
    };
  }
}

/** A short script's shell has its own messages where the command has its error output. */
function exitOf({ short }: Execution, end: LaunchEnd | null, stderr: Uint8Array): Exit {
  if (end === null) return { code: 0, known: false, signal: 0, shellMessage: null };
  const { status, signalled } = end;
  const message =
    !signalled && short && status > 128 ? signalMessage(bytesToByteString(stderr), status - 128) : null;
  if (signalled || message !== null)
    return { code: EXIT_SIGNALLED, known: true, signal: status - 128, shellMessage: message };
  return { code: status, known: true, signal: 0, shellMessage: null };
}

function withoutShellMessage(stderr: Uint8Array, message: string | null): Uint8Array {
  return message === null ? stderr : stderr.subarray(0, stderr.length - message.length);
}

/** A shell says so of a child of its own that was. */
const STATUS_KILLED = 128 + constants.signals.SIGKILL;

function killedByKernel(execution: Execution, { signal, code }: Exit): boolean {
  const { memoryKills, kill, peakRamMb, job } = execution;
  if (kill !== null || memoryKills < 0) return false;
  if (signal !== constants.signals.SIGKILL && code !== STATUS_KILLED) return false;
  if (kernelMemoryKills() <= memoryKills) return false;
  return !countsWholeMachine() || mayHaveUsedTooMuch(peakRamMb, job.memoryMb, totalmem() / BYTES_PER_MB);
}

async function measureDisk(execution: Execution): Promise<void> {
  const { workspace } = execution;
  if (workspace === null) return;
  const given = new AbortController();
  const used = await Promise.race([
    diskUsedMb([workspace.cwd, workspace.tmp]),
    setTimeout(DISK_MS_MAX, 0, { signal: given.signal }).catch(() => 0),
  ]);
  given.abort();
  execution.peakDiskMb = Math.max(execution.peakDiskMb, used);
}

async function afterCommand(
  execution: Execution,
  succeeded: boolean,
  world: FinishWorld,
): Promise<readonly string[]> {
  const { workspace, dir, job } = execution;
  const behaviours = behavioursFor(job.options, succeeded).filter(isAtRunner);
  let removed = false;
  const problems = [
    ...(await carryOut(behaviours, {
      dir,
      env: behaviours.some(({ run }) => run !== undefined) ? world.environment() : {},
      running: world.running,
      cleanup: async () => {
        if (workspace === null || removed) return [];
        removed = true;
        return await world.workspaces.remove(workspace);
      },
    })),
  ];
  if (workspace !== null && !removed) problems.push(...(await world.workspaces.removeTmp(workspace)));
  return problems;
}

function withNotes(stderr: Uint8Array, notes: readonly string[]): Uint8Array {
  if (notes.length === 0) return stderr;
  return Buffer.concat([stderr, Buffer.from(`${stderr.length > 0 ? '\n' : ''}${notes.join('\n')}`)]);
}
