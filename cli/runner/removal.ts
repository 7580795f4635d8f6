/**
 * Removing a directory that a command filled, and nothing else (reliability.md H20).
 *
 * Every step goes through a directory that is held open (`/proc/self/fd/N/name`), opened without following links: whatever
 * is renamed or put in the way meanwhile, only what is below the proven directory can be reached.
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
  readlinkSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/** Deeper trees are left: each level holds a file open. */
const DEPTH_MAX = 256;
/** Steps between two looks at what else is to be done. */
const STEPS_PER_TURN = 100;
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
  /** Paths at which something is mounted. */
  mounts: ReadonlySet<string>;
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
  const { leaf, dev, ino } = directory;
  let fd: number;
  try {
    fd = openDirectory(Buffer.from(leaf));
  } catch (error) {
    return isMissing(error) ? [] : [`${leaf} was left: ${textOf(error)}`];
  }
  const removal: Removal = { dev, mounts: new Set(), problems: [], failures: 0, steps: 0 };
  try {
    const found = fstatSync(fd);
    if (found.dev !== dev || found.ino !== ino) {
      return [`${leaf} was left: it is not the directory that was made for this command`];
    }
    removal.mounts = mountPoints();
    const names = path.length > 0 ? path.map((name) => Buffer.from(name)) : namesIn(fd);
    // Mount points are listed by their true paths; the leaf may have been named through a link.
    const truePath = readlinkSync(`/proc/self/fd/${fd}`);
    for (const name of names) await removeEntry(removal, fd, name, truePath, 1);
  } catch (error) {
    note(removal, `${leaf} was left: ${textOf(error)}`);
  } finally {
    closeSync(fd);
  }
  if (path.length === 0 && removal.failures === 0) removeNow(removal, () => rmdirSync(leaf), leaf);
  if (removal.failures > PROBLEMS_MAX) removal.problems.push(`… and ${removal.failures - PROBLEMS_MAX} more`);
  return removal.problems;
}

/** @param shown - where the open directory was, for messages and for comparing with mount points */
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
  if (removal.mounts.has(text) || found.dev !== removal.dev)
    return note(removal, `${text} was left: something is mounted there`);
  if (!found.isDirectory()) return removeNow(removal, () => unlinkSync(path), text);
  if (depth > DEPTH_MAX) return note(removal, `${text} was left: it is too deep`);
  if (name.equals(OTHERS)) return note(removal, `${text} was left: it belongs to other commands`);
  await removeDirectory(removal, path, text, depth);
}

async function removeDirectory(removal: Removal, path: Buffer, shown: string, depth: number): Promise<void> {
  let fd: number;
  try {
    fd = openWritable(path);
  } catch (error) {
    return note(removal, `${shown} was left: ${textOf(error)}`);
  }
  const before = removal.failures;
  try {
    if (fstatSync(fd).dev !== removal.dev)
      return note(removal, `${shown} was left: something is mounted there`);
    for (const name of namesIn(fd)) await removeEntry(removal, fd, name, shown, depth + 1);
  } catch (error) {
    note(removal, `${shown} was left: ${textOf(error)}`);
  } finally {
    closeSync(fd);
  }
  if (removal.failures === before) removeNow(removal, () => rmdirSync(path), shown);
}

/** Commands make directories that even their owner may not enter. */
function openWritable(path: Buffer): number {
  const mode = lstatSync(path).mode & 0o777;
  if ((mode & 0o700) !== 0o700) chmodSync(path, 0o700);
  return openDirectory(path);
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

function mountPoints(): ReadonlySet<string> {
  const points = new Set<string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    const point = line.split(' ')[4];
    if (point === undefined) continue;
    const bytes = point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    points.add(Buffer.from(bytes, 'latin1').toString('utf8'));
  }
  return points;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
