/**
 * What becomes due by itself, looked at four times a second: silent attempts, back-offs that are over, spans of time of limits,
 * and whatever else of the manager wants to be called often.
 *
 * Thousands may be lost at once, when a network fails or a host dies: these are settled in steps, and the next look at silence
 * waits for the end of this one. Silence is judged by the moment at which a look began, for the manager's own pauses within it are
 * nobody's silence.
 */
import type { Attempt } from '../core/attempts.ts';
import type { IsGone } from '../core/job-losses.ts';
import type { JobQueue } from '../core/job-queue.ts';
import type { Moment } from '../core/moment.ts';
import { type Clock, momentOf } from './clock.ts';
import { GivingWay } from './giving-way.ts';
import type { GoneRunners } from './gone-runners.ts';
import type { Log } from './log.ts';
import type { NeverTold } from './never-told.ts';
import type { Persist } from './persist.ts';

/** Looks for due and silent jobs so often. */
const TICK_MS = 250;
/** Delayed jobs made ready in one step. */
const RIPEN_MAX = 2_000;
/** A pause of the manager's own this long is no silence of the runners' (reliability.md c10). */
const STALL_MS = 2_000;
/** Attempts looked at in one step, and records of lost ones that wait for the disk. */
const STEP = 128;
const CHANGES_MAX = 512;

export interface TimekeepingOptions {
  readonly queue: JobQueue;
  readonly persist: Persist;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttrMs: number;
  readonly ownHost: string;
  readonly isGone: IsGone;
  /** Ends a command of this machine that has no runner any more. @returns whether something of it is there that may yet end */
  readonly endOrphan: (attempt: Attempt, nowMs: number) => boolean;
  readonly goneRunners: GoneRunners;
  readonly neverTold: NeverTold;
  /** Called at each tick, after all else. */
  readonly others: readonly { tick(): void }[];
  /** Jobs may have become ready. */
  readonly onReady: () => void;
  /** A command of this machine was lost: what it left is to be seen to. */
  readonly onLeft: () => void;
}

export class Timekeeping {
  readonly #options: TimekeepingOptions;
  #lastTickMs = 0;
  #expiring = false;
  #stopped = false;
  #cancelTick: () => void = () => undefined;

  constructor(options: TimekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock } = this.#options;
    this.#lastTickMs = clock.monotonicMs();
    this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTick();
  }

  #tick(): void {
    const { queue, clock, persist, goneRunners, others, onReady } = this.#options;
    const now = momentOf(clock);
    const stalledMs = now.monotonicMs - this.#lastTickMs - TICK_MS;
    this.#lastTickMs = now.monotonicMs;
    if (stalledMs > STALL_MS) queue.extendContacts(stalledMs);
    goneRunners.tick(now.monotonicMs);
    if (!this.#expiring) void this.#expire(now);
    this.endOrphans();
    const ripe = queue.ripen(now.nowMs, RIPEN_MAX);
    const windows = queue.groups.limits.tick(now.nowMs);
    if (ripe > 0 || windows) onReady();
    for (const other of others) other.tick();
    if (queue.changes.size > 0) persist.note();
    if (!this.#stopped) this.#cancelTick = clock.after(TICK_MS, () => this.#tick());
  }

  /** Settles what was silent for too long. */
  async #expire(now: Moment): Promise<void> {
    const { queue, clock, ttrMs, isGone, neverTold, onReady } = this.#options;
    const gone = lookedAtOnce(isGone);
    const isAlone = this.#isAlone(gone);
    const looks = {
      random: () => clock.random(),
      onOver: (attempt: Attempt) => this.#isOver(attempt),
      isEnding: (attempt: Attempt) => queue.isOrphanToEnd(attempt, isAlone),
      isBare: neverTold.isBare,
    };
    const way = new GivingWay(this.#options, CHANGES_MAX);
    this.#expiring = true;
    try {
      const attempts = [...queue.attempts.all()];
      for (let at = 0; at < attempts.length; at += STEP) {
        if (at > 0) await way.pause();
        if (queue.expire(now, ttrMs, gone, looks, attempts.slice(at, at + STEP)) > 0) onReady();
      }
    } finally {
      this.#expiring = false;
    }
    // What it finds is good for one look at all of them.
    neverTold.tick();
    if (queue.changes.size > 0) this.#options.persist.note();
  }

  #isOver({ number, host, pid }: Attempt): void {
    this.#options.log.info('a command is over: neither it nor its runner is there any more', {
      key: this.#options.queue.table.keyHex(number),
      host,
      pid,
    });
    this.tidy(host);
  }

  /** A command was lost: what follows its failure, and its directories, are left for the next runner of its host. */
  tidy(host: string): void {
    if (host === this.#options.ownHost) this.#options.onLeft();
  }

  /** An attempt of this host whose runner is gone, or lets nothing be heard: it may stand still for ever. */
  #isAlone(isGone: IsGone): (attempt: Attempt) => boolean {
    return ({ host, runnerPid, runnerBirth, lostMs }) =>
      isGone(host, runnerPid, runnerBirth) || (lostMs !== 0 && host === this.#options.ownHost);
  }

  /** Ends commands that someone asked to end and that have no runner to do it. @returns how many are there still */
  endOrphans(): number {
    const { queue, clock, endOrphan } = this.#options;
    const isGone = lookedAtOnce(this.#options.isGone);
    let left = 0;
    for (const attempt of [...queue.orphans(this.#isAlone(isGone))]) {
      // Also when it is over itself: something that came of it may not be.
      if (endOrphan(attempt, clock.monotonicMs())) left += 1;
      else if (isGone(attempt.host, attempt.pid, attempt.birth)) {
        queue.settleOrphan(attempt, clock.nowMs());
        this.tidy(attempt.host);
      }
    }
    return left;
  }
}

/** Each process is looked at once, however many commands it runs. */
function lookedAtOnce(isGone: IsGone): IsGone {
  const seen = new Map<string, boolean>();
  return (host, pid, birth) => {
    const process = `${pid} ${birth} ${host}`;
    const known = seen.get(process);
    if (known !== undefined) return known;
    const found = isGone(host, pid, birth);
    seen.set(process, found);
    return found;
  };
}
