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
import { lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { removeBelow } from './removal.ts';

export interface Workspace {
  readonly base: string;
  readonly parent: string;
  readonly leaf: string;
  readonly cwd: string;
  readonly tmp: string;
  readonly dev: number;
  readonly ino: number;
}

const MAKE_TRIES_MAX = 3;
/** Parents remembered: a full tree of three levels has 4,368. */
const PARENTS_MAX = 20_000;

export class Workspaces {
  readonly #random: () => number;
  /** Parents known to exist, with the number of our leaves in them. */
  readonly #parents = new Map<string, number>();
  /** Parents that may be empty now, with the base they belong to. */
  readonly #emptied = new Map<string, string>();

  /** @param random - in [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
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
    const count = this.#parents.get(parent);
    if (count === undefined) this.#makeParents(base, parent);
    const leaf = `${parent}/${key.slice(3)}${Math.floor(this.#random() * 1e10)}`;
    const cwd = `${leaf}/cwd`;
    const tmp = `${leaf}/tmp`;
    mkdirSync(leaf, 0o700);
    mkdirSync(cwd);
    mkdirSync(tmp);
    const { dev, ino } = lstatSync(leaf);
    this.#parents.set(parent, (count ?? 0) + 1);
    return { base, parent, leaf, cwd, tmp, dev, ino };
  }

  #makeParents(base: string, parent: string): void {
    if (this.#parents.size > PARENTS_MAX) this.#parents.clear();
    mkdirSync(base, { recursive: true });
    const missing: string[] = [];
    for (let at = parent; at !== base && at.length > base.length && !this.#parents.has(at); at = above(at))
      missing.push(at);
    for (const path of missing.reverse()) {
      makeIfMissing(path);
      this.#parents.set(path, this.#parents.get(path) ?? 0);
    }
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
    while (level.length > 0) {
      const next = new Map<string, string>();
      for (const [path, base] of level) {
        if (!removeIfEmpty(path)) continue;
        this.#parents.delete(path);
        const up = above(path);
        if (up.length > base.length && up !== base) next.set(up, base);
      }
      level = [...next];
    }
  }

  get untidy(): boolean {
    return this.#emptied.size > 0;
  }
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
