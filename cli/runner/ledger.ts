/**
 * What a runner has under way, written down in its private directory for whoever comes after it: when it is killed, the
 * next runner of this host removes the directories that were its own, and does what it could not do any more (`sweep.ts`).
 *
 * Written now and then, for a run of short commands must not pay for it: what began within the last second may be missing.
 * Commands that have behaviours to run are written down at once.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Behaviour, JobOptions } from '../../core/job-options.ts';
import { LEDGER_FILE, LEDGER_NAME, type LedgerOwner } from '../../core/runner-ledger.ts';
import type { Workspace } from './attempt-directories.ts';
import { isCleanup } from './behaviours.ts';
import type { Execution, Job } from './execution.ts';
import { readProcess } from './process-table.ts';

const WRITE_MS = 1_000;

/** What is needed of a command to do what follows its failure. */
export type LedgerOptions = Pick<
  JobOptions,
  'cwd' | 'cwdMatters' | 'changeHome' | 'env' | 'envId' | 'arrayIndex' | 'onFailure' | 'onExit'
>;

export interface LedgerEntry {
  /** `null`: it runs in the directory it named. */
  readonly workspace: Workspace | null;
  /** In the environment of all that came of it; '' for a directory that waits for its next command. */
  readonly mark: string;
  /** Whether the directory goes when the command has failed; else only its TMPDIR does. */
  readonly cleanup: boolean;
  /** `null`: there is nothing to run, or it was begun. */
  readonly options: LedgerOptions | null;
}

export interface LedgerText extends LedgerOwner {
  readonly entries: readonly LedgerEntry[];
}

export class Ledger {
  readonly #path: string;
  readonly #owner: LedgerOwner;
  #changed = true;
  #writtenMs = 0;

  constructor(directory: string, manager: string) {
    this.#path = join(directory, LEDGER_FILE);
    const { pid } = process;
    this.#owner = { pid, startTicks: startTicksOf(pid), bootId: bootId(), manager };
    this.write([], 0);
  }

  /** Something began or ended. */
  note(): void {
    this.#changed = true;
  }

  due(nowMs: number): boolean {
    return this.#changed && nowMs - this.#writtenMs >= WRITE_MS;
  }

  write(entries: readonly LedgerEntry[], nowMs: number): void {
    this.#changed = false;
    this.#writtenMs = nowMs;
    try {
      // Never half of it, whenever we are killed.
      writeFileSync(`${this.#path}.new`, JSON.stringify({ ...this.#owner, entries }), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch {
      // A full disk, or the directory was taken away: what is left behind then stays.
    }
  }
}

/** The ledger of a runner that may be gone. */
export interface FoundLedger extends LedgerText {
  readonly path: string;
  /** Whether who wrote it, or who has claimed it, is still there. */
  readonly isHeld: boolean;
  /** Someone had begun with it, who knows how far. */
  readonly isBegun: boolean;
}

/** @returns `null` when there is none, or it cannot be read */
export function findLedger(directory: string): FoundLedger | null {
  try {
    // One that was claimed has no other beside it.
    const name = readdirSync(directory).find((each) => LEDGER_NAME.test(each)) ?? LEDGER_FILE;
    const path = join(directory, name);
    const text = JSON.parse(readFileSync(path, 'utf8')) as LedgerText;
    if (!Array.isArray(text.entries)) return null;
    const [, pid, startTicks] = LEDGER_NAME.exec(name) ?? [];
    const isHeld = pid === undefined ? isWriterAlive(text) : startTicksOf(Number(pid)) === Number(startTicks);
    return { ...text, path, isHeld, isBegun: pid !== undefined };
  } catch {
    return null;
  }
}

/** Takes one over, so that nobody else does the same at the same time. @returns false: another was quicker */
export function claimLedger({ path }: FoundLedger): boolean {
  try {
    renameSync(path, join(dirname(path), `${LEDGER_FILE}.${process.pid}.${startTicksOf(process.pid)}`));
    return true;
  } catch {
    return false;
  }
}

/** Not just a process with its number. */
function isWriterAlive({ pid, startTicks, bootId: boot }: LedgerText): boolean {
  return boot === bootId() && startTicksOf(pid) === startTicks;
}

export function entryOf({ job, workspace, mark, startedMs, finishing }: Execution): LedgerEntry {
  const { options } = job;
  const isToRun = startedMs > 0 && !finishing && hasRuns(options);
  return {
    workspace,
    mark,
    cleanup: startedMs === 0 || afterFailure(options).some(isCleanup),
    options: isToRun ? optionsOf(job) : null,
  };
}

/** One of those that are kept for the next short command: empty, so that nothing is lost with it. */
export function spareEntry(workspace: Workspace): LedgerEntry {
  return { workspace, mark: '', cleanup: true, options: null };
}

/** Whether there is something to run when the command fails: it must not be forgotten, nor be done twice. */
export function hasRuns(options: Pick<JobOptions, 'onFailure' | 'onExit'>): boolean {
  return afterFailure(options).some(({ run }) => run !== undefined);
}

function afterFailure({ onFailure, onExit }: Pick<JobOptions, 'onFailure' | 'onExit'>): readonly Behaviour[] {
  return onFailure.length === 0 ? onExit : [...onFailure, ...onExit];
}

function optionsOf({ options, arrayIndex }: Job): LedgerOptions {
  const { cwd, cwdMatters, changeHome, env, envId, onFailure, onExit } = options;
  return { cwd, cwdMatters, changeHome, env, envId, arrayIndex, onFailure, onExit };
}

function startTicksOf(pid: number): number {
  return readProcess(pid)?.startTicks ?? 0;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
