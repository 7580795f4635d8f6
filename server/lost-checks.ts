/**
 * Commands that contact was lost with, on other hosts: one question a host about all of them, every half hour until they are
 * settled (since-0.36.md §3.4). Those of the manager's own host are looked at by `JobQueue.expire`, all the time.
 *
 * What someone asked to end is ended there, which is tried every minute. A runner that is alive and has said nothing for an
 * hour is killed; its command is settled once both are gone.
 */
import type { Attempt } from '../core/attempts.ts';
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { killRunnerCommand, wasKilled } from '../core/ps-check.ts';
import type { Clock } from './clock.ts';
import { GivingWay } from './giving-way.ts';
import { HostCheck } from './host-check.ts';
import type { Log } from './log.ts';
import type { Persist } from './persist.ts';
import type { RunOnHost } from './processes.ts';

const REPEAT_MS = 30 * 60_000;
/** While someone waits for the end of a command there. */
const REPEAT_KILLED_MS = 60_000;
/** What was lost, or is to be ended, since the last look waits so long for others. */
const SOON_MS = 5_000;
const SILENT_MS = 60 * 60_000;
/** Hosts asked at once. */
const HOSTS_MAX = 4;
/** Found to be over at once, on a host that died: so many are settled in one step, with no more records waiting for the disk. */
const STEP = 128;
const CHANGES_MAX = 512;

export interface LostChecksOptions {
  readonly queue: JobQueue;
  readonly persist: Persist;
  readonly clock: Clock;
  readonly log: Log;
  readonly ownHost: string;
  readonly run: RunOnHost;
  /** Kills a runner of the manager's own host, if the process of that id is one. @returns whether it did */
  readonly killRunner: (pid: number) => boolean;
  readonly onSettled: () => void;
}

/** A host that attempts were lost on. */
interface Host {
  /** When it was asked last, by monotonic time. */
  askedMs: number;
  /** What it was asked about, as {@link wish}. */
  covered: Set<number>;
  asking: boolean;
  /** Why it could not be asked; '': it could. */
  trouble: string;
}

export class LostChecks {
  readonly #options: LostChecksOptions;
  readonly #hosts = new Map<string, Host>();
  /** How many are asked just now. */
  #asking = 0;

  constructor(options: LostChecksOptions) {
    this.#options = options;
  }

  /** Why nothing is known of the commands of a host; '' when it was asked, or will be soon. */
  trouble(host: string): string {
    return this.#hosts.get(host)?.trouble ?? '';
  }

  /** Called often. */
  tick(): void {
    const { queue, ownHost } = this.#options;
    const lost = new Map<string, Attempt[]>();
    for (const attempt of queue.attempts.all()) {
      if (attempt.lostMs === 0) continue;
      const list = lost.get(attempt.host);
      if (list === undefined) lost.set(attempt.host, [attempt]);
      else list.push(attempt);
    }
    for (const [name, { asking }] of this.#hosts) if (!lost.has(name) && !asking) this.#hosts.delete(name);
    for (const [name, attempts] of lost) {
      if (!this.#isDue(name, attempts)) continue;
      const host = this.#remember(name, attempts);
      if (name === ownHost) this.#killSilent(attempts);
      else void this.#check(name, host, attempts);
    }
  }

  #isDue(name: string, attempts: readonly Attempt[]): boolean {
    const host = this.#hosts.get(name);
    if (this.#asking >= HOSTS_MAX || host?.asking === true) return false;
    if (host === undefined) return true;
    const ageMs = this.#options.clock.monotonicMs() - host.askedMs;
    if (ageMs >= REPEAT_MS) return true;
    if (ageMs >= REPEAT_KILLED_MS && attempts.some(({ killed }) => killed)) return true;
    return ageMs >= SOON_MS && attempts.some((attempt) => !host.covered.has(wish(attempt)));
  }

  #remember(name: string, attempts: readonly Attempt[]): Host {
    const host = this.#hosts.get(name) ?? { askedMs: 0, covered: new Set(), asking: false, trouble: '' };
    host.askedMs = this.#options.clock.monotonicMs();
    host.covered = new Set(attempts.map(wish));
    this.#hosts.set(name, host);
    return host;
  }

  async #check(name: string, host: Host, attempts: readonly Attempt[]): Promise<void> {
    host.asking = true;
    this.#asking += 1;
    try {
      await this.#look(name, attempts);
      host.trouble = '';
    } catch (thrown) {
      const { message: error } = asWrError(thrown);
      const { log } = this.#options;
      // It may be away for weeks.
      if (error !== host.trouble)
        log.warn('lost commands could not be looked at', { host: name, commands: attempts.length, error });
      host.trouble = error;
    } finally {
      host.asking = false;
      this.#asking -= 1;
    }
  }

  async #look(name: string, attempts: readonly Attempt[]): Promise<void> {
    const check = new HostCheck((command) => this.#options.run(name, command));
    await check.list(attempts);
    // What is plain needs no closer look, which the host may not allow.
    const open = await this.#settleGone(check, attempts);
    if (open.length === 0) return;
    await check.lookCloser(open);
    const left = await this.#settleGone(check, open);
    this.#discover(check, left);
    await this.#end(check, left);
    await this.#killSilentThere(name, check, left);
  }

  /** @returns those that are not over */
  async #settleGone(check: HostCheck, attempts: readonly Attempt[]): Promise<readonly Attempt[]> {
    const isOver = (each: Attempt): boolean => !check.isRunnerThere(each) && !check.isCommandThere(each);
    await this.#settle(attempts.filter(isOver), 'neither it nor its runner is there any more');
    return attempts.filter((each) => !isOver(each));
  }

  async #settle(attempts: readonly Attempt[], why: string): Promise<void> {
    const { queue, clock, log, onSettled } = this.#options;
    const way = new GivingWay(this.#options, CHANGES_MAX);
    for (const [i, { token, number, host, pid }] of attempts.entries()) {
      if (i > 0 && i % STEP === 0) await way.pause();
      if (!queue.settleDead(token, clock.nowMs(), clock.random())) continue;
      log.info(`a lost command is over: ${why}`, { key: queue.table.keyHex(number), host, pid });
    }
    if (attempts.length > 0) onSettled();
  }

  /** What runs although its start was never told. */
  #discover(check: HostCheck, attempts: readonly Attempt[]): void {
    const { queue, clock, log } = this.#options;
    for (const attempt of attempts) {
      const found = check.found(attempt);
      if (found === undefined || !queue.discover(attempt.token, found, clock.nowMs())) continue;
      log.warn('a command runs whose start was never told, and its runner is gone: it is not started again', {
        key: queue.table.keyHex(attempt.number),
        host: attempt.host,
        pid: found.pid,
      });
    }
  }

  /** Ends what someone asked to end. A runner that is cut off may be there still: its command is not started again by it. */
  async #end(check: HostCheck, attempts: readonly Attempt[]): Promise<void> {
    const killed = attempts.filter((each) => each.killed && each.startedMs > 0);
    if (killed.length === 0 || !(await check.end(killed))) return;
    await check.list(killed);
    await check.lookCloser(killed);
    const ended = killed.filter((each) => !check.isCommandThere(each));
    await this.#settle(ended, 'it was ended, as someone asked for');
  }

  async #killSilentThere(name: string, check: HostCheck, attempts: readonly Attempt[]): Promise<void> {
    const silent = this.#silent(attempts).filter((each) => check.isRunnerThere(each));
    for (const pid of new Set(silent.map(({ runnerPid }) => runnerPid)))
      if (wasKilled(await this.#options.run(name, killRunnerCommand(pid)))) this.#killed(name, pid);
  }

  #killSilent(attempts: readonly Attempt[]): void {
    for (const pid of new Set(this.#silent(attempts).map(({ runnerPid }) => runnerPid)))
      if (this.#options.killRunner(pid)) this.#killed(this.#options.ownHost, pid);
  }

  #killed(name: string, pid: number): void {
    // Whether its commands are over is looked at soon.
    this.#hosts.get(name)?.covered.clear();
    this.#options.log.warn('a runner that had said nothing for an hour was killed', { host: name, pid });
  }

  #silent(attempts: readonly Attempt[]): readonly Attempt[] {
    const monotonicMs = this.#options.clock.monotonicMs();
    return attempts.filter(
      ({ contactMs, runnerPid }) => runnerPid > 0 && monotonicMs - contactMs >= SILENT_MS,
    );
  }
}

/** An attempt, and whether its end is wanted. */
function wish({ token, killed }: Attempt): number {
  return 2 * token + (killed ? 1 : 0);
}
