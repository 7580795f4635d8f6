/**
 * Attempts: handing jobs out, hearing of them, and what their ends mean for another attempt.
 *
 * Pure: time, randomness and tokens are arguments. Every change of state goes through `move` of {@link JobStates}, and
 * what must be written of it is left as {@link JobChanges} says.
 */
import type { Attempt } from './attempts.ts';
import type { FailReason } from './fail-reasons.ts';
import { type Figures, grow } from './figures.ts';
import { JobChanges } from './job-changes.ts';
import { JOB_FLAG } from './job-flags.ts';
import type { JobRecord } from './job-record.ts';
import { rowOf } from './job-table.ts';
import type { Moment } from './moment.ts';
import { type Usage, usageOf } from './req-usage.ts';
import { retryDelayMs } from './retry.ts';
import type { EndedEvent, TouchedAttempt } from './runner-messages.ts';
import type { SchedulerGroup } from './scheduler-groups.ts';
import { STATE } from './states.ts';
import type { Template } from './templates.ts';

export interface RunnerIdentity {
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  /** Process id on its host. */
  readonly pid: number;
}

/** What the end of an attempt says: what was used, and what its job needs at least next time; `null`: nothing. */
interface Learned {
  readonly used: Usage | null;
  readonly grown: Figures | null;
}

/** Jobs of stopped report groups that one reservation puts aside on its way to others. */
const STOPPED_MAX = 256;

export const NO_BYTES = new Uint8Array(0);

export class JobAttempts extends JobChanges {
  /**
   * Hands out up to `count` ready jobs of a group, best first. They must not be started before their change is on disk.
   * @param nextToken - gives an attempt token that was never used
   * @param away - also hand out jobs that asked for what this group gives and are served elsewhere now
   */
  reserve(
    group: SchedulerGroup,
    count: number,
    runner: RunnerIdentity,
    { nowMs, monotonicMs }: Moment,
    nextToken: () => number,
    away = false,
  ): Attempt[] {
    const reserved: Attempt[] = [];
    const most = Math.min(count, this.groups.room(group, nowMs));
    for (let stopped = 0; reserved.length < most && stopped < STOPPED_MAX; ) {
      const number = this.popReady(group) || (away ? this.popAway(group) : 0);
      if (number === 0) break;
      if (this.failBudgets.anyStopped && this.failBudgets.isStopped(this.templateOf(number).repGroup)) {
        this.#holdBack(number);
        stopped += 1;
        continue;
      }
      const attempt: Attempt = {
        token: nextToken(),
        number,
        group: group.id,
        given: this.cohortOf(number).chosen.figures,
        resources: group.shares ? this.groups.pickResources(group) : null,
        runnerId: runner.runnerId,
        host: runner.host,
        ip: runner.ip,
        runnerPid: runner.pid,
        reservedMs: nowMs,
        pid: 0,
        startedMs: 0,
        cwd: '',
        contactMs: monotonicMs,
        lostMs: 0,
        killed: false,
        outdated: false,
        runnerBirth: 0,
        birth: 0,
        peakRamMb: 0,
        peakDiskMb: 0,
        cpuMs: 0,
        stdout: NO_BYTES,
        stderr: NO_BYTES,
      };
      this.move(number, 'reserve');
      // What an earlier attempt came to is not this one's (since-0.36.md §1.4).
      this.remember(number, -1, '');
      this.open(attempt);
      this.write(number, this.attemptRecord(attempt));
      reserved.push(attempt);
    }
    this.groups.note(group);
    return reserved;
  }

  /** The runner started the command, at `startedMs`, Unix ms. False: the attempt was given up earlier. */
  start(token: number, pid: number, startedMs: number, monotonicMs: number, cwd = ''): boolean {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined) return false;
    this.hear(attempt, monotonicMs);
    if (attempt.startedMs !== 0) return true; // Said again.
    attempt.cwd = cwd;
    this.markStarted(attempt, pid, startedMs);
    this.write(attempt.number, this.attemptRecord(attempt));
    return true;
  }

  /**
   * The attempt is over. False: it was given up earlier, and nothing changes.
   * @param random - in [0, 1): the jitter of the back-off
   */
  end(event: EndedEvent, { nowMs, monotonicMs }: Moment, random: number): boolean {
    const attempt = this.attempts.byToken(event.attempt);
    if (attempt === undefined) return false;
    const { number } = attempt;
    const template = this.templateOf(number);
    // All that is made of what the runner says comes before the first change: what cannot be made changes nothing.
    const learned = this.#learned(attempt, event, template);
    this.hear(attempt, monotonicMs);
    if (attempt.startedMs === 0 && event.startedMs !== 0)
      this.markStarted(attempt, event.pid, event.startedMs);
    this.close(attempt);
    this.#learn(number, learned);
    if (event.outcome === 'complete') {
      this.move(number, 'succeed');
      if (!this.#mustRunAgain(attempt)) this.repGroups.recordCompletion(this.tallyOf(number), event);
    } else if (
      event.outcome === 'bury' ||
      attempt.killed ||
      !this.#useRetry(number, event.startedMs !== 0 || event.reason === 'command failed to start')
    ) {
      this.move(number, 'bury');
    } else {
      this.move(number, 'release');
    }
    this.remember(number, event.exitCode, event.reason);
    const readyMs = this.#delay(number, nowMs, random);
    this.write(number, {
      ...this.attemptRecord(attempt),
      ...outcomeOf(event),
      readyMs,
      state: this.state(number),
    });
    this.settle(number, template);
    return true;
  }

  /** The runner gives the job back without having started it: no attempt is used up. */
  release(token: number, reason: FailReason, { nowMs, monotonicMs }: Moment, random: number): boolean {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined) return false;
    if (attempt.startedMs !== 0) {
      // It did run, whatever the runner now says: that counts.
      this.hear(attempt, monotonicMs);
      this.giveUp(attempt, 'command failed to complete normally', 'release', nowMs, random);
      return true;
    }
    this.close(attempt);
    this.requeue(attempt, reason, nowMs);
    return true;
  }

  /** What was handed out cannot be read: it is buried, for no runner could be given it. No attempt is used up. */
  unreadable(token: number, nowMs: number): boolean {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined || attempt.startedMs !== 0) return false;
    this.giveUp(attempt, 'command could not be read from the database', 'bury', nowMs, 0);
    return true;
  }

  /** Signs of life of what a runner holds. @returns tokens it must kill: asked for by a user, or given up earlier */
  touch(touched: readonly TouchedAttempt[], monotonicMs: number): number[] {
    const kill: number[] = [];
    for (const told of touched) {
      const attempt = this.attempts.byToken(told.attempt);
      if (attempt === undefined) {
        kill.push(told.attempt);
        continue;
      }
      this.hear(attempt, monotonicMs);
      // Member by member: whatever else a message holds is none of the attempt's.
      attempt.peakRamMb = told.peakRamMb;
      attempt.peakDiskMb = told.peakDiskMb;
      attempt.cpuMs = told.cpuMs;
      attempt.stdout = told.stdout;
      attempt.stderr = told.stderr;
      if (attempt.killed) kill.push(told.attempt);
    }
    return kill;
  }

  /** Keeps by what the processes of an attempt are known. */
  identify(token: number, runnerBirth: number, birth: number): void {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined) return;
    attempt.runnerBirth = runnerBirth;
    attempt.birth = birth;
    this.write(attempt.number, this.attemptRecord(attempt));
  }

  /** What an end says of jobs like this one, and of what this one needs next. */
  #learned(attempt: Attempt, event: EndedEvent, { options }: Template): Learned {
    const { asked, grown, usage } = this.cohortOf(attempt.number);
    const used = usage === null ? null : usageOf(event, options.cwdMatters);
    const startedMs = attempt.startedMs || event.startedMs;
    if (event.outcome === 'complete' || startedMs === 0 || asked.override === 2) return { used, grown: null };
    const wallMs = Math.max(0, event.endedMs - startedMs);
    return { used, grown: grow(grown, attempt.given, { ...event, wallMs }) };
  }

  #learn(number: number, { used, grown }: Learned): void {
    const { usage } = this.cohortOf(number);
    if (usage !== null && used !== null) this.cohorts.usages.record(usage, used);
    if (grown !== null) this.setGrown(number, grown);
  }

  /** `pop` took it out of the lane, as for a reservation: any other way on begins there. */
  protected unpop(number: number): void {
    const cohort = this.cohortOf(number);
    cohort.group.ready.giveBack(cohort, this.chunk(number).priority[rowOf(number)] as number, number);
  }

  #holdBack(number: number): void {
    this.unpop(number);
    this.suspension.suspend(Uint32Array.of(number), 0);
  }

  protected giveUp(
    attempt: Attempt,
    reason: FailReason,
    outcome: 'release' | 'bury',
    nowMs: number,
    random: number,
    isFree = false,
  ): void {
    const { number } = attempt;
    this.close(attempt);
    this.move(
      number,
      outcome === 'release' && this.#useRetry(number, !isFree && attempt.startedMs !== 0)
        ? 'release'
        : 'bury',
    );
    this.remember(number, -1, reason);
    const readyMs = this.#delay(number, nowMs, random);
    const endedMs = attempt.lostMs === 0 ? nowMs : attempt.lostMs;
    this.write(number, {
      ...this.attemptRecord(attempt),
      state: this.state(number),
      exitCode: -1,
      reason,
      readyMs,
      endedMs,
    });
    this.settle(number, this.templateOf(number));
  }

  protected requeue(attempt: Attempt, reason: FailReason, nowMs: number): void {
    const { number } = attempt;
    if (attempt.killed) {
      this.move(number, 'bury');
      this.remember(number, -1, 'killed by user request');
      this.write(number, {
        ...this.attemptRecord(attempt),
        state: STATE.buried,
        exitCode: -1,
        reason: 'killed by user request',
      });
      this.settle(number, this.templateOf(number));
      return;
    }
    // Nothing ran, so nothing speaks for waiting.
    this.move(number, 'requeue');
    this.remember(number, 0, reason);
    this.write(number, {
      ...this.attemptRecord(attempt),
      state: STATE.ready,
      exitCode: 0,
      reason,
      endedMs: nowMs,
    });
  }

  /** Uses up one retry. False: none was left. A job that never started keeps them all. */
  #useRetry(number: number, counts: boolean): boolean {
    if (!counts) return true;
    const chunk = this.chunk(number);
    const left = chunk.retriesLeft[rowOf(number)] as number;
    if (left === 0) return false;
    chunk.retriesLeft[rowOf(number)] = left - 1;
    return true;
  }

  /** For a job that has just become delayed: when it is due. 0 otherwise. */
  #delay(number: number, nowMs: number, random: number): number {
    if (this.table.state(number) !== STATE.delayed) return 0;
    const used =
      this.templateOf(number).options.retries - (this.chunk(number).retriesLeft[rowOf(number)] as number);
    const readyMs = nowMs + retryDelayMs(Math.max(0, used - 1), () => random);
    const { flags } = this.chunk(number);
    this.due.add(number, readyMs, ((flags[rowOf(number)] as number) & JOB_FLAG.calledOff) !== 0);
    return readyMs;
  }

  protected markStarted(attempt: Attempt, pid: number, startedMs: number): void {
    attempt.pid = pid;
    attempt.startedMs = startedMs;
    const chunk = this.chunk(attempt.number);
    const row = rowOf(attempt.number);
    chunk.attempts[row] = Math.min(255, (chunk.attempts[row] as number) + 1);
    this.move(attempt.number, 'start');
  }

  /** While it ran, a group that it waits for gained a member: it is queued again, behind that. */
  #mustRunAgain({ number, outdated }: Attempt): boolean {
    if (!outdated && !this.isBlocked(number)) return false;
    this.chunk(number).retriesLeft[rowOf(number)] = this.templateOf(number).options.retries;
    this.move(number, 'requeue');
    return true;
  }
}

function outcomeOf(event: EndedEvent): Partial<JobRecord> {
  const { exitCode, reason, startedMs, endedMs, peakRamMb, peakDiskMb, cpuMs, cwd, stdout, stderr, pid } =
    event;
  return { exitCode, reason, startedMs, endedMs, peakRamMb, peakDiskMb, cpuMs, cwd, stdout, stderr, pid };
}
