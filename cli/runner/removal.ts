/**
 * Removing a directory that a command filled, and nothing else (reliability.md H20).
 *
 * Every step goes through a directory that is held open (`/proc/self/fd/N/name`), opened without following links: whatever
 * is renamed or put in the way meanwhile, only what is below the proven directory can be reached. Which mount an open
 * directory is on is asked of the kernel, so that a bind mount of the same file system is seen as well, also one just made.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** Deeper trees are left: each level holds a file open. */
const DEPTH_MAX = 256;
/** Steps between two looks at what else is to be done. */
const STEPS_PER_TURN = 100;
/** What is still at work in a directory may put something into it between its being emptied and removed. */
const ROUNDS_MAX = 5;
/** Problems told one by one. */
const PROBLEMS_MAX = 5;
/** Where other commands have their directories. */
const OTHERS = Buffer.from('wr_cwd');

export interface ProvenDirectory {
  readonly leaf: string;
  readonly dev: number;
  readonly ino: number;
}

interface Removal {
  readonly dev: number;
  /** The kernel's number of the mount that all of it is on. */
  mount: string;
  readonly problems: string[];
  failures: number;
  steps: number;
}

/**
 * @param path - names below the leaf, of what is to be removed; none: the leaf itself
 * @returns what was left and why, for people; empty when all is gone
 */
export async function removeBelow(
  directory: ProvenDirectory,
  path: readonly string[],
): Promise<readonly string[]> {
  const { leaf, dev } = directory;
  let fd: number | null;
  try {
    fd = openProven(directory);
  } catch (error) {
    return isMissing(error) ? [] : [`${leaf} was left: ${textOf(error)}`];
  }
  if (fd === null) return [`${leaf} was left: it is not the directory that was made for this command`];
  const removal: Removal = { dev, mount: '', problems: [], failures: 0, steps: 0 };
  try {
    removal.mount = mountOf(fd);
    if (isMountPoint(leaf, removal.mount)) return [`${leaf} was left: something is mounted there`];
    if (path.length === 0) await removeEmptied(removal, fd, leaf, leaf, 1);
    else for (const name of path) await removeEntry(removal, fd, Buffer.from(name), leaf, 1);
  } catch (error) {
    note(removal, `${leaf} was left: ${textOf(error)}`);
  } finally {
    closeSync(fd);
  }
  if (removal.failures > PROBLEMS_MAX) removal.problems.push(`… and ${removal.failures - PROBLEMS_MAX} more`);
  return removal.problems;
}

/** @param shown - where the open directory was, for messages */
async function removeEntry(
  removal: Removal,
  fd: number,
  name: Buffer,
  shown: string,
  depth: number,
): Promise<void> {
  removal.steps += 1;
  if (removal.steps % STEPS_PER_TURN === 0) await setImmediate();
  const path = below(fd, name);
  const text = `${shown}/${name.toString('utf8')}`;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.dev !== removal.dev) return note(removal, `${text} was left: something is mounted there`);
  if (!found.isDirectory()) return removeNow(removal, () => unlinkSync(path), text);
  if (depth > DEPTH_MAX) return note(removal, `${text} was left: it is too deep`);
  if (name.equals(OTHERS)) return note(removal, `${text} was left: it belongs to other commands`);
  await removeDirectory(removal, path, text, depth);
}

async function removeDirectory(removal: Removal, path: Buffer, shown: string, depth: number): Promise<void> {
  let fd: number | null;
  try {
    fd = openWritable(removal, path);
  } catch (error) {
    return note(removal, `${shown} was left: ${textOf(error)}`);
  }
  if (fd === null) return note(removal, `${shown} was left: something is mounted there`);
  try {
    await removeEmptied(removal, fd, path, shown, depth + 1);
  } catch (error) {
    note(removal, `${shown} was left: ${textOf(error)}`);
  } finally {
    closeSync(fd);
  }
}

/** Empties an open directory and removes it by its name, again if something was put into it meanwhile. */
async function removeEmptied(
  removal: Removal,
  fd: number,
  path: Buffer | string,
  shown: string,
  depth: number,
): Promise<void> {
  const before = removal.failures;
  for (let round = 1; ; round += 1) {
    for (const name of namesIn(fd)) await removeEntry(removal, fd, name, shown, depth);
    if (removal.failures !== before) return;
    try {
      return rmdirSync(path);
    } catch (error) {
      if (isMissing(error)) return;
      if (round === ROUNDS_MAX || !hasFilled(error)) throw error;
    }
  }
}

/** Linux's O_PATH, which Node does not name: a directory is held, entered or not. */
const O_PATH = 0o10000000;

/**
 * Commands make directories that even their owner may not enter: what is held is made enterable, never what a name leads to.
 * @returns `null`: something is mounted there
 */
function openWritable(removal: Removal, path: Buffer): number | null {
  return openHeld(path, ({ dev }, held) => dev === removal.dev && mountOf(held) === removal.mount);
}

/** @returns `null`: it is another directory than the one that was made */
function openProven({ leaf, dev, ino }: ProvenDirectory): number | null {
  return openHeld(Buffer.from(leaf), (found) => found.dev === dev && found.ino === ino);
}

function openHeld(path: Buffer, isMeant: (found: Stats, held: number) => boolean): number | null {
  const held = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const found = fstatSync(held);
    if (!isMeant(found, held)) return null;
    const name = `/proc/self/fd/${held}`;
    if ((found.mode & 0o700) !== 0o700) chmodSync(name, 0o700);
    return openSync(name, constants.O_RDONLY | constants.O_DIRECTORY);
  } finally {
    closeSync(held);
  }
}

function openDirectory(path: Buffer): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

function namesIn(fd: number): Buffer[] {
  return readdirSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
}

function below(fd: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);
}

function removeNow(removal: Removal, remove: () => void, shown: string): void {
  try {
    remove();
  } catch (error) {
    if (!isMissing(error)) note(removal, `${shown} was left: ${textOf(error)}`);
  }
}

function note(removal: Removal, problem: string): void {
  removal.failures += 1;
  if (removal.failures <= PROBLEMS_MAX) removal.problems.push(problem);
}

function mountOf(fd: number): string {
  const found = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  if (found === undefined) throw new Error('the system does not say on which mount it is');
  return found;
}

/** Whether something, be it itself, was mounted over a directory after it was made. */
function isMountPoint(directory: string, mount: string): boolean {
  const parent = openDirectory(Buffer.from(dirname(directory)));
  try {
    return mountOf(parent) !== mount;
  } finally {
    closeSync(parent);
  }
}

function hasFilled(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY';
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
