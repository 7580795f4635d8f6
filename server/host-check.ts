/**
 * What another host says of attempts that contact was lost with (since-0.36.md §3.4).
 *
 * First its process list, for all of them at once. Only where that leaves doubt a closer look follows: whether a process is
 * the one that was meant or has got its id since, and whether commands run whose start was never told. What is not plainly
 * said is not known.
 */
import { attemptMark } from '../core/attempt-mark.ts';
import type { Attempt } from '../core/attempts.ts';
import {
  type Born,
  endCommand,
  isSafeMark,
  type Look,
  lookCommand,
  parseEndAnswer,
  parseLookAnswer,
} from '../core/host-look.ts';
import { parsePsAnswer, psCommand } from '../core/ps-check.ts';

/** Processes or marks named in one command. */
const NAMED_MAX = 500;
const ENDED_MAX = 100;
const NOTHING: Look = { births: new Map(), marked: new Map() };

/** Runs a command in a shell of the host. */
export type AskHost = (command: string) => Promise<string>;

export class HostCheck {
  readonly #ask: AskHost;
  #alive: ReadonlySet<number> = new Set();
  #look: Look = NOTHING;
  /** Marks that were looked for. */
  readonly #lookedFor = new Set<string>();

  constructor(ask: AskHost) {
    this.#ask = ask;
  }

  /** @throws when the answer makes no sense */
  async list(attempts: readonly Attempt[]): Promise<void> {
    const alive = new Set<number>();
    const pids = attempts.flatMap(({ runnerPid, pid }) => [runnerPid, pid]);
    for (const some of parts(
      pids.filter((pid) => pid > 0),
      NAMED_MAX,
    )) {
      const found = parsePsAnswer(await this.#ask(psCommand(some)));
      if (found === null) throw new Error('its list of processes makes no sense');
      for (const pid of found) alive.add(pid);
    }
    this.#alive = alive;
  }

  /** @throws when the answer makes no sense */
  async lookCloser(attempts: readonly Attempt[]): Promise<void> {
    const doubtful = attempts.flatMap(({ runnerPid, runnerBirth, pid, birth }) => [
      ...(runnerBirth > 0 && this.#alive.has(runnerPid) ? [runnerPid] : []),
      ...(birth > 0 && this.#alive.has(pid) ? [pid] : []),
    ]);
    const births = new Map<number, number>();
    for (const pids of parts(doubtful, NAMED_MAX)) {
      for (const [pid, birth] of (await this.#closer(pids, [])).births) births.set(pid, birth);
      for (const pid of pids) if (!births.has(pid)) births.set(pid, GONE);
    }
    this.#look = { ...this.#look, births };
    // What its runner may yet start is not looked for yet.
    const untold = attempts.filter((each) => each.startedMs === 0 && !this.isRunnerThere(each));
    await this.#lookFor(untold.map(markOf));
  }

  async #lookFor(marks: readonly string[]): Promise<void> {
    const marked = new Map<string, readonly Born[]>();
    for (const some of parts(marks.filter(isSafeMark), NAMED_MAX)) {
      for (const [mark, processes] of (await this.#closer([], some)).marked) marked.set(mark, processes);
      for (const mark of some) this.#lookedFor.add(mark);
    }
    this.#look = { ...this.#look, marked };
  }

  async #closer(pids: readonly number[], marks: readonly string[]): Promise<Look> {
    const look = parseLookAnswer(await this.#ask(lookCommand(pids, marks)));
    if (look === null) throw new Error('it does not show what its processes are');
    return look;
  }

  /** Nothing to look for means that nobody can tell: then it counts as there. */
  isRunnerThere({ runnerPid, runnerBirth }: Attempt): boolean {
    return runnerPid <= 0 || this.#isThere(runnerPid, runnerBirth);
  }

  isCommandThere(attempt: Attempt): boolean {
    const { startedMs, pid, birth } = attempt;
    if (startedMs > 0) return pid <= 0 || this.#isThere(pid, birth);
    return !this.#lookedFor.has(markOf(attempt)) || this.found(attempt) !== undefined;
  }

  /** The process of a command whose start was never told. */
  found(attempt: Attempt): Born | undefined {
    return this.#look.marked.get(markOf(attempt))?.[0];
  }

  #isThere(pid: number, birth: number): boolean {
    if (!this.#alive.has(pid)) return false;
    const seen = this.#look.births.get(pid) ?? 0;
    return birth === 0 || seen === 0 || seen === birth;
  }

  /**
   * Ends these, with all that came of them.
   * @returns whether nothing that is known to be theirs is left of any
   */
  async end(attempts: readonly Attempt[]): Promise<boolean> {
    let left = 0;
    for (const some of parts(attempts, ENDED_MAX)) {
      const answer = await this.#ask(endCommand(some, some.map(markOf).filter(isSafeMark)));
      const count = parseEndAnswer(answer);
      if (count === null)
        throw new Error('it does not say what became of the commands that were to be ended');
      left += count;
    }
    return left === 0;
  }
}

/** No process began then. */
const GONE = -1;

function markOf({ token, runnerId }: Attempt): string {
  return attemptMark(token, runnerId);
}

function parts<Item>(items: readonly Item[], most: number): (readonly Item[])[] {
  const unique = [...new Set(items)];
  return Array.from({ length: Math.ceil(unique.length / most) }, (_, i) =>
    unique.slice(i * most, (i + 1) * most),
  );
}
