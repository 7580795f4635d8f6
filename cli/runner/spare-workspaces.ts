/**
 * Directories of short commands that left no trace, kept to be given to the next ones under their new names.
 *
 * Making and removing three directories for each of a thousand commands a second is most of what they cost, and on file
 * systems that avoid inodes freed lately (ext4 without a journal) it costs many times the command. A leaf is used again
 * only when nobody can tell it from a fresh one:
 *
 * ```
 *  ended, and empty ──► quarantine ──► no process has its directory in it, and it is unchanged ──► spare
 *                            └───────► otherwise: removed like any other
 * ```
 *
 * Unchanged means that the change times of its directories, which nobody can set back, are those of when they were empty.
 */
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import type { Workspace } from './attempt-directories.ts';

/** Leaves waiting for proof; beyond it they are removed at once. */
const QUARANTINE_MAX = 512;
/** So many are worth a look at all processes. */
export const PROOF_LEAVES = 32;
/** A directory that changed later than this before its use might change again without showing it. */
const CLOCK_GRAIN_MS = 20;

/** What must not change of a directory. */
interface Mark {
  readonly changedMs: number;
  readonly mode: number;
}

interface Marks {
  readonly leaf: Mark;
  readonly cwd: Mark;
  readonly tmp: Mark;
}

/** What is learned of commands that are alike. */
export interface Habits {
  /** They write into their directories. */
  leavesFiles: boolean;
}

interface Offered {
  readonly workspace: Workspace;
  readonly habits: Habits;
}

export class SpareWorkspaces {
  readonly #marks = new WeakMap<Workspace, Marks>();
  readonly #spare = new Map<string, Workspace[]>();
  #quarantine: Offered[] = [];
  /** True paths of bases, as the system tells where a process is. */
  readonly #trueBases = new Map<string, string>();

  get waiting(): number {
    return this.#quarantine.length;
  }

  get empty(): boolean {
    return this.#quarantine.length === 0 && this.#spare.size === 0;
  }

  /**
   * Takes a leaf whose command has ended.
   * @param trusted - its command is of a kind that never left anything, so that it need not be looked at right now
   * @returns false: it is not empty, and to be removed in the usual way
   */
  offer(workspace: Workspace, habits: Habits, trusted: boolean): boolean {
    if (this.#quarantine.length >= QUARANTINE_MAX) return false;
    if (!trusted && !this.#isUntouched(workspace)) return false;
    this.#quarantine.push({ workspace, habits });
    return true;
  }

  /** A leaf that may be renamed and used. */
  take(base: string, nowMs: number): Workspace | undefined {
    const spares = this.#spare.get(base);
    const workspace = spares?.at(-1);
    const marks = workspace && this.#marks.get(workspace);
    if (workspace === undefined || marks === undefined) return undefined;
    if (nowMs - Math.max(marks.cwd.changedMs, marks.tmp.changedMs) < CLOCK_GRAIN_MS) return undefined;
    spares?.pop();
    if (spares?.length === 0) this.#spare.delete(base);
    return workspace;
  }

  /** It has another name now; what it is has not changed. */
  renamed(from: Workspace, to: Workspace): void {
    const marks = this.#marks.get(from);
    if (marks !== undefined) this.#marks.set(to, marks);
  }

  /**
   * Makes spares of what is proven unused and unchanged.
   * @param inUse - directories some process is in
   * @returns the others, to be removed
   */
  prove(inUse: readonly string[]): readonly Workspace[] {
    const unfit: Workspace[] = [];
    for (const { workspace, habits } of this.#quarantine) {
      const untouched = this.#isUntouched(workspace);
      if (!untouched) habits.leavesFiles = true;
      if (!untouched || this.#isUsed(workspace, inUse)) {
        unfit.push(workspace);
        continue;
      }
      const spares = this.#spare.get(workspace.base);
      if (spares === undefined) this.#spare.set(workspace.base, [workspace]);
      else spares.push(workspace);
    }
    this.#quarantine = [];
    return unfit;
  }

  get all(): readonly Workspace[] {
    return [...this.#quarantine.map(({ workspace }) => workspace), ...[...this.#spare.values()].flat()];
  }

  /** All of them, to be removed. */
  drain(): readonly Workspace[] {
    const { all } = this;
    this.#quarantine = [];
    this.#spare.clear();
    return all;
  }

  /** Empty as when it was made. */
  #isUntouched(workspace: Workspace): boolean {
    const known = this.#marks.get(workspace);
    const now = marksOf(workspace);
    if (now === null) return false;
    if (known !== undefined)
      return isSame(known.leaf, now.leaf) && isSame(known.cwd, now.cwd) && isSame(known.tmp, now.tmp);
    if (!isFresh(now) || !isEmpty(workspace)) return false;
    this.#marks.set(workspace, now);
    return true;
  }

  #isUsed({ base, leaf }: Workspace, inUse: readonly string[]): boolean {
    if (inUse.length === 0) return false;
    let trueBase = this.#trueBases.get(base);
    if (trueBase === undefined) {
      trueBase = realpathSync(base);
      this.#trueBases.set(base, trueBase);
    }
    const trueLeaf = trueBase + leaf.slice(base.length);
    return inUse.some((path) => path.startsWith(trueLeaf));
  }
}

function marksOf({ leaf, cwd, tmp, dev, ino }: Workspace): Marks | null {
  const top = lstatSync(leaf, { throwIfNoEntry: false });
  if (top === undefined || top.ino !== ino || top.dev !== dev) return null;
  const inner = lstatSync(cwd, { throwIfNoEntry: false });
  const other = lstatSync(tmp, { throwIfNoEntry: false });
  if (!inner?.isDirectory() || !other?.isDirectory()) return null;
  return {
    // Its being renamed touches its change time; what is put in it shows in the modification time.
    leaf: { changedMs: top.mtimeMs, mode: top.mode & 0o7777 },
    cwd: { changedMs: inner.ctimeMs, mode: inner.mode & 0o7777 },
    tmp: { changedMs: other.ctimeMs, mode: other.mode & 0o7777 },
  };
}

function isFresh({ leaf, cwd, tmp }: Marks): boolean {
  const umask = process.umask();
  const fresh = 0o777 & ~umask;
  return leaf.mode === (0o700 & ~umask) && cwd.mode === fresh && tmp.mode === fresh;
}

function isEmpty({ leaf, cwd, tmp }: Workspace): boolean {
  return readdirSync(cwd).length === 0 && readdirSync(tmp).length === 0 && readdirSync(leaf).length === 2;
}

function isSame(a: Mark, b: Mark): boolean {
  return a.changedMs === b.changedMs && a.mode === b.mode;
}
