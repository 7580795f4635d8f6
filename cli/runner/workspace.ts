/**
 * Directories of attempts: made, and removed again (spec: jobs.md §12.1, since-0.36.md §2.4, reliability.md H20).
 *
 * ```
 * <cwd>/wr_cwd/k0/k1/k2/k3…k31<random>/cwd   the command's working directory
 *                     the leaf, 0700    /tmp  its TMPDIR
 * ```
 *
 * This is the one module that removes what commands may have filled. It removes a leaf only if it still is the directory
 * that was made for the attempt (device and inode), reaches everything below it through open directories, so that no link
 * put in the way is followed, crosses no mount, and spares directories of other commands. What it is not sure of it leaves
 * and says so.
 */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { makeDirectories } from '../make-directories.ts';
import type { Workspace } from './attempt-directories.ts';
import { removeBelow } from './removal.ts';
import { type Habits, SpareWorkspaces } from './spare-workspaces.ts';

type Place = Omit<Workspace, 'dev' | 'ino'>;

const MAKE_TRIES_MAX = 3;
/** Parents remembered: a full tree of three levels has 4,368. */
const PARENTS_MAX = 20_000;

export class Workspaces {
  readonly #random: () => number;
  /** Parents known to exist, with the number of our leaves in them. */
  readonly #parents = new Map<string, number>();
  /** Parents that may be empty now, with the base they belong to. */
  readonly #emptied = new Map<string, string>();
  /** What parents were moved out of. */
  readonly #thinned = new Map<string, string>();
  readonly #spares = new SpareWorkspaces();
  readonly #now: () => number;

  /** @param random - in [0, 1) */
  constructor(random: () => number, now: () => number = Date.now) {
    this.#random = random;
    this.#now = now;
  }

  /**
   * Makes the directories of an attempt.
   * @param base - absolute; made as well when missing
   * @param key - the job's, 32 characters
   * @throws what the file system says
   */
  make(base: string, key: string): Workspace {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return this.#makeOnce(base, key);
      } catch (error) {
        // Another runner may have removed an empty parent between our looking and our making.
        if (attempt >= MAKE_TRIES_MAX || !hasCode(error, 'ENOENT', 'EEXIST')) throw error;
        this.#parents.clear();
      }
    }
  }

  #makeOnce(base: string, key: string): Workspace {
    const root = base === '/' ? '' : base;
    const parent = `${root}/wr_cwd/${key[0]}/${key[1]}/${key[2]}`;
    if (!this.#parents.has(parent)) this.#makeParents(base, parent);
    const leaf = `${parent}/${key.slice(3)}${Math.floor(this.#random() * 1e10)}`;
    const place = { base, parent, leaf, cwd: `${leaf}/cwd`, tmp: `${leaf}/tmp` };
    const workspace = this.#moveSpare(place) ?? makeLeaf(place);
    this.#parents.set(parent, (this.#parents.get(parent) ?? 0) + 1);
    this.#emptied.delete(parent);
    return workspace;
  }

  #moveSpare(place: Place): Workspace | null {
    const spare = this.#spares.take(place.base, this.#now());
    if (spare === undefined) return null;
    try {
      renameSync(spare.leaf, place.leaf);
    } catch {
      return null; // Someone removed the one or the other; what is still there is removed as usual.
    }
    this.#left(spare);
    const workspace = { ...place, dev: spare.dev, ino: spare.ino };
    this.#spares.renamed(spare, workspace);
    return workspace;
  }

  #makeParents(base: string, parent: string): void {
    if (this.#parents.size > PARENTS_MAX) this.#parents.clear();
    if (!this.#parents.has(base)) {
      makeDirectories(base);
      this.#parents.set(base, 0);
    }
    const missing: string[] = [];
    for (let at = parent; at !== base && at.length > base.length && !this.#parents.has(at); at = above(at))
      missing.push(at);
    for (const path of missing.reverse()) {
      if (!this.#moveEmptyParent(base, path)) makeIfMissing(path);
      this.#parents.set(path, this.#parents.get(path) ?? 0);
    }
  }

  /**
   * Gives a parent that has become empty the name of one that is missing. Another runner that is just putting a leaf into
   * it finds that gone, and makes its own again.
   */
  #moveEmptyParent(base: string, missing: string): boolean {
    const [first] = this.#emptied;
    if (first === undefined || first[1] !== base) return false;
    const [empty] = first;
    this.#emptied.delete(empty);
    try {
      if (!isEmptyParent(empty)) return false; // Whoever leaves it last sees to it.
      renameSync(empty, missing);
    } catch {
      this.#emptied.set(empty, base); // The other one is there, and in use.
      return false;
    }
    this.#parents.delete(empty);
    this.#thinned.set(above(empty), base);
    return true;
  }

  /**
   * Keeps the leaf of a short command for another one.
   * @param trusted - its like never left anything: it is looked at later, with others
   * @returns false: it is not empty
   */
  keep(workspace: Workspace, habits: Habits, trusted: boolean): boolean {
    return this.#spares.offer(workspace, habits, trusted);
  }

  /** Leaves that wait to be proven unused. */
  get unproven(): number {
    return this.#spares.waiting;
  }

  /** @param inUse - directories of processes that may have come of our commands */
  async prove(inUse: readonly string[]): Promise<void> {
    for (const workspace of this.#spares.prove(inUse)) await this.remove(workspace);
  }

  /** Removes what was kept. */
  async dropSpares(): Promise<void> {
    for (const workspace of this.#spares.drain()) await this.remove(workspace);
  }

  /** The same on the way out: what is not empty is left. */
  dropEmptySpares(): void {
    for (const workspace of this.#spares.drain()) this.removeEmpty(workspace);
  }

  /** What is kept for the next commands. */
  get spares(): readonly Workspace[] {
    return this.#spares.all;
  }

  get hasSpares(): boolean {
    return !this.#spares.empty;
  }

  /** Removes leaf, cwd and tmp if they are empty, which needs no proof of anything. @returns whether they are gone */
  removeEmpty(workspace: Workspace): boolean {
    try {
      rmdirSync(workspace.cwd);
      rmdirSync(workspace.tmp);
      rmdirSync(workspace.leaf);
    } catch {
      return false;
    }
    this.#left(workspace);
    return true;
  }

  /**
   * Removes the leaf with all that is in it.
   * @returns what was left, and why; empty: nothing
   */
  async remove(workspace: Workspace): Promise<readonly string[]> {
    if (this.removeEmpty(workspace)) return [];
    const problems = await removeBelow(workspace, []);
    this.#left(workspace);
    return problems;
  }

  /** Removes the TMPDIR alone. */
  async removeTmp(workspace: Workspace): Promise<readonly string[]> {
    try {
      rmdirSync(workspace.tmp);
      return [];
    } catch {
      return await removeBelow(workspace, ['tmp']);
    }
  }

  #left({ parent, base }: Workspace): void {
    const count = (this.#parents.get(parent) ?? 1) - 1;
    this.#parents.set(parent, Math.max(0, count));
    if (count <= 0) this.#emptied.set(parent, base);
  }

  /** Removes parents that are empty, up to but excluding the cwd they stand in. Cheapest when much has ended since. */
  tidy(): void {
    let level = [...this.#emptied].filter(([parent]) => (this.#parents.get(parent) ?? 0) === 0);
    this.#emptied.clear();
    let next = new Map(this.#thinned);
    this.#thinned.clear();
    while (level.length > 0 || next.size > 0) {
      for (const [path, base] of level) {
        if (!removeIfEmpty(path)) continue;
        this.#parents.delete(path);
        const up = above(path);
        if (up.length > base.length && up !== base) next.set(up, base);
      }
      level = [...next].filter(([path, base]) => path.length > base.length + 1);
      next = new Map();
    }
  }

  get untidy(): boolean {
    return this.#emptied.size > 0 || this.#thinned.size > 0;
  }
}

/** Where directories count the links of those in them, the count says it more cheaply than a listing does. */
function isEmptyParent(path: string): boolean {
  const { nlink } = lstatSync(path);
  return nlink === 2 || (nlink === 1 && readdirSync(path).length === 0);
}

function makeLeaf(place: Place): Workspace {
  mkdirSync(place.leaf, 0o700);
  mkdirSync(place.cwd);
  mkdirSync(place.tmp);
  const { dev, ino } = lstatSync(place.leaf);
  return { ...place, dev, ino };
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function makeIfMissing(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

function removeIfEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    // Not there: someone else was quicker, and what is above may be empty all the same.
    return hasCode(error, 'ENOENT');
  }
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
