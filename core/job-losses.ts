/** Attempts that nobody hears of any more: lost until there is proof of what became of them (docs/decisions/0006-silence.md). */
import type { Attempt } from './attempts.ts';
import { JobAttempts } from './job-attempts.ts';
import type { Moment } from './moment.ts';

/** @param birth - when the process began, as its host counts it; 0: not known */
export type IsGone = (host: string, pid: number, birth: number) => boolean;

/** What else is to be known of silent attempts. */
export interface Looks {
  /** In [0, 1): the jitter of each back-off, for those lost together are not to come back together. */
  readonly random?: () => number;
  /** Told of each that is found to be over. */
  readonly onOver?: (attempt: Attempt) => void;
  /** Of attempts of which all is being ended, and that are settled after that. */
  readonly isEnding?: (attempt: Attempt) => boolean;
  /** Whether nothing is there that came of an attempt whose runner is gone and never told of its start: it may run all the same. */
  readonly isBare?: (attempt: Attempt) => boolean;
}

export class JobLosses extends JobAttempts {
  /**
   * A runner came (back) and says what it holds. What it does not hold it was never given, or has let go.
   * @returns the tokens that are not its own any more
   */
  adopt(runnerId: string, holding: readonly number[], now: Moment, random = 0): number[] {
    this.settleDropped(runnerId, holding, now, 0, random);
    return holding.filter((token) => {
      const attempt = this.attempts.byToken(token);
      if (attempt === undefined || attempt.runnerId !== runnerId) return true;
      this.hear(attempt, now.monotonicMs);
      return false;
    });
  }

  /**
   * A runner has said what it holds: what it does not name, and did not for so long, it has lost (since-0.36.md §3.4).
   * @returns how many changed
   */
  settleDropped(
    runnerId: string,
    holding: readonly number[],
    { nowMs, monotonicMs }: Moment,
    silentMs: number,
    random: number,
  ): number {
    const open = this.attempts.byRunner(runnerId);
    if (open.size === 0) return 0;
    const held = new Set(holding);
    const dropped = [...open].filter(
      ({ token, contactMs }) => !held.has(token) && monotonicMs - contactMs >= silentMs,
    );
    for (const attempt of dropped) this.#settleGone(attempt, nowMs, random);
    return dropped.length;
  }

  /** A check found that neither the runner nor the command of a lost attempt exist. False: it is not lost any more. */
  settleDead(token: number, nowMs: number, random: number): boolean {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined || attempt.lostMs === 0) return false;
    this.#settleGone(attempt, nowMs, random);
    return true;
  }

  /**
   * Settles attempts that were not heard of for `ttrMs`. They are lost until there is proof that they are over: silence
   * alone is none, for a runner that is only cut off may be at work, and no command may run twice at once. With proof, one
   * that never started goes back to the queue, and one that did has failed.
   * @param isGone - whether a process of an attempt's host is known not to exist
   * @param attempts - those to look at, of which some may be over: for whoever takes them in steps
   * @returns how many changed
   */
  expire(
    { nowMs, monotonicMs }: Moment,
    ttrMs: number,
    isGone: IsGone,
    looks: Looks = {},
    attempts: readonly Attempt[] = [...this.attempts.all()],
  ): number {
    const { random = () => 0, onOver, isEnding, isBare = () => true } = looks;
    let settled = 0;
    for (const attempt of attempts) {
      if (monotonicMs - attempt.contactMs < ttrMs || !this.attempts.has(attempt)) continue;
      if (isEnding?.(attempt) !== true && this.#isOver(attempt, isGone, isBare)) {
        onOver?.(attempt);
        this.#settleGone(attempt, nowMs, random());
      } else if (attempt.lostMs === 0) this.#lose(attempt, nowMs);
      else continue;
      settled += 1;
    }
    return settled;
  }

  /** Its runner is gone, and so is its command (since-0.36.md §3.4). */
  #isOver(attempt: Attempt, isGone: IsGone, isBare: (attempt: Attempt) => boolean): boolean {
    const { host, runnerPid, pid, startedMs, runnerBirth, birth } = attempt;
    if (!isGone(host, runnerPid, runnerBirth)) return false;
    return startedMs === 0 ? isBare(attempt) : isGone(host, pid, birth);
  }

  /**
   * A command whose start was never told is at work, and its runner is gone: it was started, and is lost.
   * @param found - its process, and when that began
   * @returns false: it is over, or its start was told after all
   */
  discover(
    token: number,
    { pid, birth }: { readonly pid: number; readonly birth: number },
    nowMs: number,
  ): boolean {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined || attempt.startedMs !== 0) return false;
    if (attempt.lostMs !== 0) this.move(attempt.number, 'touchUnstarted');
    attempt.birth = birth;
    this.markStarted(attempt, pid, attempt.reservedMs);
    this.#lose(attempt, attempt.lostMs || nowMs);
    return true;
  }

  #settleGone(attempt: Attempt, nowMs: number, random: number): void {
    if (attempt.startedMs === 0) {
      this.close(attempt);
      this.requeue(attempt, 'lost contact with runner', nowMs);
    } else if (attempt.killed) this.giveUp(attempt, 'killed by user request', 'bury', nowMs, 0);
    else this.giveUp(attempt, 'lost contact with runner', 'release', nowMs, random);
  }

  #lose(attempt: Attempt, nowMs: number): void {
    attempt.lostMs = nowMs;
    this.move(attempt.number, 'lose');
    this.remember(attempt.number, -1, 'lost contact with runner');
    const record = this.attemptRecord(attempt);
    this.write(attempt.number, { ...record, endedMs: nowMs, reason: 'lost contact with runner' });
  }

  /**
   * Commands that someone asked to end, and that nobody else ends.
   * @param isAlone - whether an attempt has no runner that could end it
   */
  *orphans(isAlone: (attempt: Attempt) => boolean): Iterable<Attempt> {
    for (const attempt of this.attempts.all()) {
      if (this.isOrphanToEnd(attempt, isAlone)) yield attempt;
    }
  }

  isOrphanToEnd(attempt: Attempt, isAlone: (attempt: Attempt) => boolean): boolean {
    return attempt.killed && attempt.startedMs !== 0 && isAlone(attempt);
  }

  /** An orphan has ended. */
  settleOrphan(attempt: Attempt, nowMs: number): void {
    this.#settleGone(attempt, nowMs, 0);
  }

  /** A runner is known to be gone: what it had started is silent for ever. What it may just have been starting waits its time. */
  forsake(runnerId: string, contactMs: number): void {
    for (const attempt of this.attempts.byRunner(runnerId))
      if (attempt.startedMs !== 0) attempt.contactMs = Math.min(attempt.contactMs, contactMs);
  }

  /** The manager itself stood still for so long: no runner could be heard, so none was silent. */
  extendContacts(stalledMs: number): void {
    for (const attempt of this.attempts.all()) attempt.contactMs += stalledMs;
  }

  /** A user (or a check) is sure that a lost attempt is dead: normal retry accounting. */
  confirmDead(number: number, nowMs: number, random: number): boolean {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined || attempt.lostMs === 0) return false;
    if (attempt.killed) this.giveUp(attempt, 'killed by user request', 'bury', nowMs, 0);
    else this.giveUp(attempt, 'lost contact with runner', 'release', nowMs, random);
    return true;
  }

  /**
   * The scheduler is sure that the place where a job ran is no more: whatever became of the attempt, it is over, and it
   * was not the command's fault. False: it is not held. The schedulers there are do not know of such: it is for those of clusters.
   */
  placeDied(number: number, nowMs: number, random: number): boolean {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined) return false;
    if (attempt.startedMs === 0 || attempt.killed) this.#settleGone(attempt, nowMs, random);
    else {
      const isFree = this.freeLosses.use(number);
      this.giveUp(attempt, 'lost contact with runner', 'release', nowMs, random, isFree);
    }
    return true;
  }
}
