/** Whether runners of this machine that were killed left something for another to see to (docs/decisions/0011). */
import { readlinkSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LEDGER_NAME, type LedgerOwner, runnerPrefix } from '../../core/runner-ledger.ts';
import { birthOf, isProcessGone } from '../host.ts';

export type HasLeavings = () => Promise<boolean>;

interface Ledger extends LedgerOwner {
  readonly entries: readonly { readonly options: unknown }[];
}

/**
 * @param parent - where runners have their private directories
 * @param manager - ours: what others left to be run is not for us
 */
export function leavingsIn(parent: string, manager: string): HasLeavings {
  const prefix = runnerPrefix(hostname(), pidNamespace());
  return async () => {
    const names = await readdir(parent).catch(() => []);
    for (const name of names.filter((each) => each.startsWith(prefix)))
      if (await isLeft(join(parent, name), manager)) return true;
    return false;
  };
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  } catch {
    return 'none';
  }
}

async function isLeft(directory: string, manager: string): Promise<boolean> {
  try {
    if ((await lstat(directory)).uid !== process.getuid?.()) return false;
    const name = (await readdir(directory)).find((each) => LEDGER_NAME.test(each));
    if (name === undefined) return false;
    const [, pid, startTicks] = LEDGER_NAME.exec(name) ?? [];
    if (pid !== undefined && birthOf(Number(pid)) === Number(startTicks)) return false; // Someone is at it.
    const ledger = JSON.parse(await readFile(join(directory, name), 'utf8')) as Ledger;
    if (!isProcessGone(ledger.pid, ledger.startTicks)) return false;
    return ledger.manager === manager || ledger.entries.every(({ options }) => options === null);
  } catch {
    return false; // It is being removed, or is none.
  }
}
