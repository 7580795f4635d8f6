/**
 * The queue: jobs and attempts with what users wish of them, and how both come back after a restart.
 *
 * ```
 * job-states ◄── job-changes ◄── job-attempts ◄── job-losses ◄── job-queue
 * ```
 */
import type { Attempt } from './attempts.ts';
import { failReasonCode } from './fail-reasons.ts';
import { NO_BYTES } from './job-attempts.ts';
import { JobLosses } from './job-losses.ts';
import type { JobRecord } from './job-record.ts';
import { rowOf } from './job-table.ts';
import type { Moment } from './moment.ts';
import { schedulerGroupOf } from './requirements.ts';
import type { SchedulerGroup } from './scheduler-groups.ts';
import { isHeld, STATE } from './states.ts';

export class JobQueue extends JobLosses {
  /**
   * Asks for the end of an open attempt; the runner is told by whoever holds its connection.
   * @returns the attempt, or `undefined` when the job is not held
   */
  kill(number: number): Attempt | undefined {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined) return undefined;
    if (!attempt.killed) {
      attempt.killed = true;
      this.write(number, this.attemptRecord(attempt));
    }
    return attempt;
  }

  /** Makes a buried job ready with all of its retries. */
  retry(number: number): boolean {
    if (this.table.state(number) !== STATE.buried) return false;
    const chunk = this.chunk(number);
    const retries = this.templateOf(number).options.retries;
    chunk.retriesLeft[rowOf(number)] = retries;
    this.freeLosses.forget(number);
    // What was said of what it asked for may not be true any more.
    const isOfNoAttempt =
      chunk.reason[rowOf(number)] === failReasonCode('resource requirements cannot be met');
    this.move(number, 'retry');
    if (isOfNoAttempt) this.remember(number, 0, '');
    this.failBudgets.lift(this.templateOf(number).repGroup);
    this.amend(number, {
      state: STATE.ready,
      retriesLeft: retries,
      retries,
      readyMs: 0,
      freeLosses: 0,
      ...(isOfNoAttempt ? { exitCode: 0, reason: '', stderr: NO_BYTES } : {}),
    });
    return true;
  }

  /** What a job waits for was changed: it waits, or no longer. */
  reconsider(number: number): void {
    const state = this.table.state(number);
    if (this.isBlocked(number)) this.blocked(number);
    else if (state === STATE.dependent) this.move(number, 'satisfy');
  }

  /** Buries the ready jobs of a group whose requirements can never be met, up to `max`. @param why - for users. @returns how many */
  buryImpossible(group: SchedulerGroup, max: number, why: Uint8Array = NO_BYTES): number {
    let buried = 0;
    for (; buried < max; buried += 1) {
      const number = this.popReady(group);
      if (number === 0) break;
      this.unpop(number);
      this.move(number, 'bury');
      this.remember(number, -1, 'resource requirements cannot be met');
      this.amend(number, {
        state: STATE.buried,
        reason: 'resource requirements cannot be met',
        exitCode: -1,
        stderr: why,
      });
      this.settle(number, this.templateOf(number));
    }
    return buried;
  }

  /** Makes delayed jobs ready whose time has come, up to `max`. @returns how many */
  ripen(nowMs: number, max: number): number {
    let ripe = 0;
    for (const number of this.due.take(nowMs, max)) {
      const state = this.table.state(number);
      if (state === STATE.suspended) this.suspension.due(number);
      if (state !== STATE.delayed) continue;
      // Nothing is written: after a restart a delayed job whose time has come ripens again.
      this.move(number, 'due');
      ripe += 1;
    }
    return ripe;
  }

  /** Puts a job back into the state its record tells of; rows were described and activated before. */
  recover(number: number, record: JobRecord, now: Moment): void {
    const chunk = this.chunk(number);
    const row = rowOf(number);
    chunk.attempts[row] = Math.min(255, record.attempts);
    // Retries used up stay used up when there are to be more or fewer of them.
    const { retries } = this.templateOf(number).options;
    chunk.retriesLeft[row] = Math.max(0, retries - (record.retries - record.retriesLeft));
    chunk.exitCode[row] = record.exitCode;
    chunk.reason[row] = failReasonCode(record.reason);
    this.setGrown(number, record.grown);
    this.freeLosses.restore(number, record.freeLosses);
    const { state } = record;
    // Whether it waits for others is told by these; a job that has to wait for a new one waits for nothing else.
    if (state === STATE.ready || state === STATE.dependent) return;
    if (state === STATE.delayed && this.table.state(number) === STATE.dependent) return;
    if (isHeld(state)) this.#recoverHeld(number, record, now);
    else this.place(number, state);
    if (state === STATE.delayed) this.due.add(number, record.readyMs);
  }

  #recoverHeld(number: number, record: JobRecord, { nowMs, monotonicMs }: Moment): void {
    this.place(number, record.state);
    const {
      runnerId,
      host,
      ip,
      runnerPid,
      pid,
      reservedMs,
      startedMs,
      peakRamMb,
      peakDiskMb,
      cpuMs,
      killed,
    } = record;
    this.open({
      token: record.attempt,
      number,
      group: this.#groupOfGiven(number, record).id,
      given: record.given,
      resources: record.resources,
      runnerId,
      host,
      ip,
      runnerPid,
      pid,
      reservedMs,
      startedMs,
      cwd: record.cwd,
      // How long it was silent before the start nobody knows: it has all of its time from here.
      contactMs: monotonicMs,
      lostMs: record.state === STATE.lost ? record.endedMs || nowMs : 0,
      killed,
      outdated: record.outdated || this.isBlocked(number),
      runnerBirth: record.runnerBirth,
      birth: record.birth,
      peakRamMb,
      peakDiskMb,
      cpuMs,
      stdout: NO_BYTES,
      stderr: NO_BYTES,
    });
  }

  /** What an attempt was given is still out of the share of the group it was reserved in. */
  #groupOfGiven(number: number, { given }: JobRecord): SchedulerGroup {
    const options = { ...this.cohortOf(number).asked, ...given };
    return this.groups.intern(schedulerGroupOf(options), options);
  }
}
