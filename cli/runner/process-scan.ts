/** Which files and directories processes have in use that may have come of our commands: a proof that others are not. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';

/** A process that ends while it is looked at may have passed on what it had: then it takes another look. */
const LOOKS_MAX = 3;

export class ProcessScan {
  /** Processes older than any command of ours, as long as they live. */
  #known: Set<string>;
  /** Ours: their directories are no use of them. */
  readonly #own: () => readonly number[];

  /** @param own - launchers: they stand in the directory of their last command, and use nothing there */
  constructor(own: () => readonly number[]) {
    this.#known = new Set(processNames());
    this.#own = own;
  }

  /** @returns directories and outputs in use by processes that are not known to be strangers; `null`: cannot be told now */
  look(): readonly string[] | null {
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const paths = this.#lookOnce();
      if (paths !== null) return paths;
    }
    return null;
  }

  #lookOnce(): readonly string[] | null {
    const names = processNames();
    const own = new Set(this.#own().map(String));
    const still = new Set<string>();
    const paths: string[] = [];
    for (const name of names) {
      if (this.#known.has(name)) {
        still.add(name);
        continue;
      }
      if (own.has(name)) continue;
      for (const what of ['cwd', 'fd/1', 'fd/2']) {
        const path = linkOf(`/proc/${name}/${what}`);
        if (path === GONE) return null;
        if (path !== null) paths.push(path);
      }
    }
    // An id that was given up may be someone else's next.
    this.#known = still;
    return paths;
  }
}

const GONE = Symbol('gone');

/** @returns `null` when it is not ours to look at, or closed */
function linkOf(path: string): string | null | typeof GONE {
  try {
    return readlinkSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return null;
    if (!path.endsWith('cwd')) return null;
    // Dead and only waiting to be collected, it uses nothing.
    return existsSync(path.slice(0, -'/cwd'.length)) ? null : GONE;
  }
}

function processNames(): string[] {
  return readdirSync('/proc').filter((name) => {
    const first = name.charCodeAt(0);
    return first >= 49 && first <= 57;
  });
}
