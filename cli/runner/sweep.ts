/**
 * Does what a runner that was killed could not do any more: what follows the failure of its commands, and the removal of
 * the directories that were its own (jobs.md §5, §14; reliability.md H20).
 *
 * A command may outlive its runner. As long as anything of one is left, be it only in its directory, nothing is touched:
 * a later runner looks again.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { markEntry } from '../../core/attempt-mark.ts';
import { behavioursFor, carryOut, isAtRunner } from './behaviours.ts';
import { type Environment, toSpawnEnvironment } from './environment.ts';
import { claimLedger, findLedger, type LedgerEntry, type LedgerOptions, type LedgerText } from './ledger.ts';
import { ownPrefix } from './output-files.ts';
import { readProcess } from './process-table.ts';
import { Workspaces } from './workspace.ts';

export interface SweepWorld {
  /** Its name, as in a ledger. */
  readonly manager: string;
  /** The whole environment of a command, as its own runner would have made it. @throws when it cannot be had */
  environment(options: LedgerOptions, entry: LedgerEntry): Promise<Environment>;
  log(text: string): void;
}

/**
 * @param parent - where runners have their private directories
 * @returns whether something is to be looked at again: commands that outlive their runner
 */
export async function sweep(parent: string, world: SweepWorld): Promise<boolean> {
  const prefix = ownPrefix();
  const names = await readdir(parent).catch(() => []);
  let isLeft = false;
  for (const name of names.filter((each) => each.startsWith(prefix))) {
    const path = join(parent, name);
    try {
      if (!(await isOwn(path))) continue;
      const done = await sweepOne(path, Number.parseInt(name.slice(prefix.length), 10), world);
      isLeft ||= !done;
    } catch (error) {
      world.log(`${path} of a runner that is gone was left: ${String(error)}`);
    }
  }
  return isLeft;
}

async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  return found?.isDirectory() === true && found.uid === process.getuid?.();
}

/** @returns false: not now */
async function sweepOne(path: string, pid: number, world: SweepWorld): Promise<boolean> {
  const ledger = findLedger(path);
  if (ledger === null) {
    if (pid > 0 && readProcess(pid) === null) await rm(path, { recursive: true, force: true });
    return true;
  }
  // What was begun to be run is not run again: it may have been done.
  const entries = ledger.isBegun
    ? ledger.entries.map((entry) => ({ ...entry, options: null }))
    : ledger.entries;
  if (ledger.isHeld || !isForUs({ ...ledger, entries }, world.manager)) return true;
  if (isInUse(entries)) return false;
  // What is missing is found out before anything is done.
  const environments = await Promise.all(
    entries.map((entry) => (entry.options === null ? null : world.environment(entry.options, entry))),
  );
  if (!claimLedger(ledger)) return true;
  const workspaces = new Workspaces(Math.random);
  const problems: string[] = [];
  for (const [index, entry] of entries.entries())
    problems.push(...(await finishEntry(entry, environments[index] ?? null, workspaces)));
  workspaces.tidy();
  await rm(path, { recursive: true, force: true });
  if (entries.length > 0)
    world.log(`what ${entries.length} commands left, whose runner ${ledger.pid} was killed, is cleaned up`);
  for (const problem of problems) world.log(`after a runner that was killed: ${problem}`);
  return true;
}

/** Any runner can remove directories; what is to be run belongs to one manager. */
function isForUs({ manager, entries }: LedgerText, own: string): boolean {
  return manager === own || entries.every(({ options }) => options === null);
}

async function finishEntry(
  entry: LedgerEntry,
  environment: Environment | null,
  workspaces: Workspaces,
): Promise<readonly string[]> {
  const { workspace, cleanup, options } = entry;
  const problems: string[] = [];
  let isRemoved = false;
  const remove = async (): Promise<readonly string[]> => {
    if (workspace === null || isRemoved) return [];
    isRemoved = true;
    return await workspaces.remove(workspace);
  };
  if (options !== null && environment !== null) {
    const env = toSpawnEnvironment(environment);
    const behaviours = behavioursFor({ ...options, onSuccess: [] }, false).filter(isAtRunner);
    const dir = workspace?.cwd ?? options.cwd;
    problems.push(...(await carryOut(behaviours, { dir, env, running: () => undefined, cleanup: remove })));
  } else if (cleanup) problems.push(...(await remove()));
  if (workspace !== null && !isRemoved) problems.push(...(await workspaces.removeTmp(workspace)));
  return problems;
}

/** Whether anything that came of these commands is left, or stands in their directories. */
function isInUse(entries: readonly LedgerEntry[]): boolean {
  const marks = entries.filter(({ mark }) => mark !== '').map(({ mark }) => markEntry(mark));
  const leaves = entries.flatMap(({ workspace }) => (workspace === null ? [] : [`${workspace.leaf}/`]));
  return readdirSync('/proc').some((pid) => {
    if (!/^\d/.test(pid) || Number(pid) === process.pid) return false;
    const directory = `${read(() => readlinkSync(`/proc/${pid}/cwd`))}/`;
    if (leaves.some((leaf) => directory.startsWith(leaf))) return true;
    const environment = marks.length === 0 ? '' : read(() => readFileSync(`/proc/${pid}/environ`, 'latin1'));
    return marks.some((mark) => environment.includes(mark));
  });
}

/** What cannot be looked at is not ours. */
function read(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}
