/**
 * Whether the runner's user may run a command as a Unix group. newgrp itself would ask for the group's password, on a
 * terminal that is not there.
 */
import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';

/** How long an answer is believed: groups change, and looking them up may mean asking another machine. */
const BELIEVED_MS = 60_000;
const LOOK_MS_MAX = 10_000;

export interface Identity {
  readonly name: string;
  readonly uid: number;
  /** Group ids it has now. */
  readonly gids: readonly number[];
}

/**
 * @param entry - `name:password:gid:member,member…`; `null`: there is no such group
 * @returns why not, for people; `null`: it may
 */
export function groupProblem(group: string, entry: string | null, user: Identity): string | null {
  if (entry === null) return `there is no Unix group "${group}" on this host`;
  const [, , gid, members = ''] = entry.trim().split(':');
  if (user.uid === 0 || user.gids.includes(Number(gid))) return null;
  // Who was made a member after logging in need not log in again.
  if (members.split(',').includes(user.name)) return null;
  return `the user ${user.name} is not in the Unix group "${group}"`;
}

export class UnixGroups {
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly problem: string | null; readonly atMs: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns why commands cannot run as this group; `null`: they can, or only trying will tell */
  problem(group: string): string | null {
    const known = this.#known.get(group);
    if (known !== undefined && this.#now() - known.atMs < BELIEVED_MS) return known.problem;
    const problem = look(group);
    this.#known.set(group, { problem, atMs: this.#now() });
    return problem;
  }
}

/** The end of getent that says that it found nothing. */
const NOT_FOUND = 2;

function look(group: string): string | null {
  const found = spawnSync('getent', ['group', '--', group], { encoding: 'utf8', timeout: LOOK_MS_MAX });
  if (found.status !== 0 && found.status !== NOT_FOUND) return null;
  const { username: name } = userInfo();
  const gids = [...(process.getgroups?.() ?? []), process.getgid?.() ?? -1];
  const user = { name, uid: process.getuid?.() ?? -1, gids };
  return groupProblem(group, found.status === 0 ? found.stdout : null, user);
}
