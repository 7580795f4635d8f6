/**
 * Commands that contact was lost with, on other hosts: one question a host about all of them, every half hour until they are
 * settled (since-0.36.md §3.4). Those of the manager's own host are looked at by `JobQueue.expire`, all the time.
 *
 * A runner that is alive and has said nothing for an hour is killed; its command is settled once both are gone.
 */
import type { Attempt } from '../core/attempts.ts';
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { killRunnerCommand, parsePsAnswer, psCommand, wasKilled } from '../core/ps-check.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { RunOnHost } from './processes.ts';

const REPEAT_MS = 30 * 60_000;
const SILENT_MS = 60 * 60_000;
/** Hosts asked at once. */
const HOSTS_MAX = 4;
/** Processes named in one command. */
const PIDS_MAX = 500;

export interface LostChecksOptions {
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly ownHost: string;
  readonly run: RunOnHost;
  /** Kills a runner of the manager's own host, if the process of that id is one. @returns whether it did */
  readonly killRunner: (pid: number) => boolean;
  readonly onSettled: () => void;
}

export class LostChecks {
  readonly #options: LostChecksOptions;
  /** When a host is to be asked next, by monotonic time. */
  readonly #nextMs = new Map<string, number>();
  readonly #asking = new Set<string>();

  constructor(options: LostChecksOptions) {
    this.#options = options;
  }

  /** Called often. */
  tick(): void {
    const { queue, clock, ownHost } = this.#options;
    const nowMs = clock.monotonicMs();
    const lost = new Map<string, Attempt[]>();
    for (const attempt of queue.attempts.all()) {
      if (attempt.lostMs === 0) continue;
      const list = lost.get(attempt.host);
      if (list === undefined) lost.set(attempt.host, [attempt]);
      else list.push(attempt);
    }
    for (const host of this.#nextMs.keys()) if (!lost.has(host)) this.#nextMs.delete(host);
    for (const [host, attempts] of lost) {
      if (this.#asking.size >= HOSTS_MAX || this.#asking.has(host)) continue;
      if (nowMs < (this.#nextMs.get(host) ?? 0)) continue;
      this.#nextMs.set(host, nowMs + REPEAT_MS);
      if (host === ownHost) this.#killSilent(attempts);
      else void this.#check(host, attempts);
    }
  }

  async #check(host: string, attempts: readonly Attempt[]): Promise<void> {
    const { log, run } = this.#options;
    this.#asking.add(host);
    try {
      const pids = [...new Set(attempts.flatMap(processesOf))];
      const alive = new Set<number>();
      for (let at = 0; at < pids.length; at += PIDS_MAX) {
        const found = parsePsAnswer(await run(host, psCommand(pids.slice(at, at + PIDS_MAX))));
        if (found === null) throw new Error('the answer makes no sense');
        for (const pid of found) alive.add(pid);
      }
      this.#settle(attempts.filter((attempt) => processesOf(attempt).every((pid) => !alive.has(pid))));
      await this.#killSilentThere(host, attempts, alive);
    } catch (thrown) {
      const { message: error } = asWrError(thrown);
      log.warn('lost commands could not be looked at', { host, commands: attempts.length, error });
    } finally {
      this.#asking.delete(host);
    }
  }

  #settle(attempts: readonly Attempt[]): void {
    const { queue, clock, log, onSettled } = this.#options;
    for (const attempt of attempts) {
      if (!queue.settleDead(attempt.token, clock.nowMs(), clock.random())) continue;
      const { host, pid } = attempt;
      log.info('a lost command is over: neither it nor its runner is there any more', {
        key: queue.table.keyHex(attempt.number),
        host,
        pid,
      });
    }
    if (attempts.length > 0) onSettled();
  }

  async #killSilentThere(
    host: string,
    attempts: readonly Attempt[],
    alive: ReadonlySet<number>,
  ): Promise<void> {
    for (const pid of this.#silentRunners(attempts)) {
      if (!alive.has(pid)) continue;
      const killed = wasKilled(await this.#options.run(host, killRunnerCommand(pid)));
      if (killed) this.#killed(host, pid);
    }
  }

  #killSilent(attempts: readonly Attempt[]): void {
    for (const pid of this.#silentRunners(attempts))
      if (this.#options.killRunner(pid)) this.#killed(this.#options.ownHost, pid);
  }

  #killed(host: string, pid: number): void {
    // Whether its commands are over is looked at soon.
    this.#nextMs.set(host, this.#options.clock.monotonicMs() + 1_000);
    this.#options.log.warn('a runner that had said nothing for an hour was killed', { host, pid });
  }

  #silentRunners(attempts: readonly Attempt[]): ReadonlySet<number> {
    const nowMs = this.#options.clock.nowMs();
    const silent = attempts.filter(
      ({ contactMs, runnerPid }) => runnerPid > 0 && nowMs - contactMs >= SILENT_MS,
    );
    return new Set(silent.map(({ runnerPid }) => runnerPid));
  }
}

/** What must be gone: its runner, and its command if it was started. Nothing to look for means that nobody can tell. */
function processesOf({ runnerPid, pid, startedMs }: Attempt): readonly number[] {
  if (runnerPid <= 0 || (startedMs > 0 && pid <= 0)) return [1]; // The first process of a host is always there.
  return startedMs > 0 ? [runnerPid, pid] : [runnerPid];
}
