/**
 * The queue: every job's state, the order in which ready ones are served, and the attempts that are open.
 *
 * Pure: time, randomness and tokens are arguments, and what must be written is left in `changes` for whoever owns the
 * disk. Every change of state goes through `move` of {@link JobStates}.
 */
import { type Attempt, Attempts } from './attempts.ts';
import { BsubIds } from './bsub-ids.ts';
import { DueTimes } from './due-times.ts';
import { type FailReason, failReasonCode } from './fail-reasons.ts';
import { grow } from './figures.ts';
import { FreeLosses } from './free-losses.ts';
import { DEPENDENCY_FLAGS } from './job-flags.ts';
import type { JobOptions } from './job-options.ts';
import { EMPTY_RECORD, type JobRecord } from './job-record.ts';
import { JobStates, type Template } from './job-states.ts';
import { rowOf } from './job-table.ts';
import type { Overlay } from './overlay.ts';
import type { EndedEvent, TouchedAttempt } from './protocol.ts';
import { ReplacedRuns } from './replaced-runs.ts';
import { usageOf } from './req-usage.ts';
import { schedulerGroupOf } from './requirements.ts';
import { retryDelayMs } from './retry.ts';
import type { SchedulerGroup } from './scheduler-groups.ts';
import { SegmentDirectory } from './segment-directory.ts';
import { isHeld, STATE } from './states.ts';
import { Suspension } from './suspension.ts';

/** What is to be written of a job: a whole record, or members laid over the one on disk. */
export type Change =
  | { readonly record: JobRecord }
  | { readonly patch: Partial<JobRecord> & Pick<JobRecord, 'state'> };

export interface RunnerIdentity {
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  /** Process id on its host. */
  readonly pid: number;
}

/** Jobs of stopped report groups that one reservation puts aside on its way to others. */
const STOPPED_MAX = 256;
/** @param birth - when the process began, as its host counts it; 0: not known */
export type IsGone = (host: string, pid: number, birth: number) => boolean;

const NO_BYTES = new Uint8Array(0);
/** Waiters told of an end on the spot; the others are told in slices (`dependencies.sweep`). */
const TOLD_AT_ONCE = 64;

export class JobQueue extends JobStates {
  readonly segments = new SegmentDirectory();
  readonly attempts = new Attempts();
  readonly due = new DueTimes();
  readonly replaced = new ReplacedRuns();
  readonly bsub = new BsubIds();
  readonly suspension = new Suspension(this, this.segments);
  readonly #freeLosses = new FreeLosses();
  /** What must be written, by job number; the owner of the disk empties it. */
  readonly changes = new Map<number, Change>();
  /** Changed jobs of segments, by segment; the owner of the disk empties it. */
  readonly overlays = new Map<number, Overlay>();
  /** Jobs that became complete or were removed, for the archive and for waiters; the owner empties it. */
  readonly finished: number[] = [];

  // ------------------------------------------------------------ attempts

  /**
   * Hands out up to `count` ready jobs of a group, best first. They must not be started before their change is on disk.
   * @param nextToken - gives an attempt token that was never used
   * @param away - also hand out jobs that asked for what this group gives and are served elsewhere now
   */
  reserve(
    group: SchedulerGroup,
    count: number,
    runner: RunnerIdentity,
    nowMs: number,
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
        contactMs: nowMs,
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
      this.#open(attempt);
      this.#write(number, this.#attemptRecord(attempt));
      reserved.push(attempt);
    }
    this.groups.note(group);
    return reserved;
  }

  /** The runner started the command. False: the attempt was given up earlier. */
  start(token: number, pid: number, startedMs: number, nowMs: number, cwd = ''): boolean {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined) return false;
    this.#hear(attempt, nowMs);
    if (attempt.startedMs !== 0) return true; // Said again.
    attempt.cwd = cwd;
    this.#markStarted(attempt, pid, startedMs);
    this.#write(attempt.number, this.#attemptRecord(attempt));
    return true;
  }

  /**
   * The attempt is over. False: it was given up earlier, and nothing changes.
   * @param random - in [0, 1): the jitter of the back-off
   */
  end(event: EndedEvent, nowMs: number, random: number): boolean {
    const attempt = this.attempts.byToken(event.attempt);
    if (attempt === undefined) return false;
    this.#hear(attempt, nowMs);
    if (attempt.startedMs === 0 && event.startedMs !== 0)
      this.#markStarted(attempt, event.pid, event.startedMs);
    const { number } = attempt;
    const template = this.templateOf(number);
    this.#close(attempt);
    this.#learn(attempt, event, template);
    if (event.outcome === 'complete') {
      this.move(number, 'succeed');
      if (!this.#mustRunAgain(attempt)) this.repGroups.recordCompletion(template.repGroup, event);
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
    this.#write(number, {
      ...this.#attemptRecord(attempt),
      ...outcomeOf(event),
      readyMs,
      state: this.state(number),
    });
    this.#settle(number, template);
    return true;
  }

  /** The runner gives the job back without having started it: no attempt is used up. */
  release(token: number, reason: FailReason, nowMs: number, random: number): boolean {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined) return false;
    if (attempt.startedMs !== 0) {
      // It did run, whatever the runner now says: that counts.
      this.#hear(attempt, nowMs);
      this.#giveUp(attempt, 'command failed to complete normally', 'release', nowMs, random);
      return true;
    }
    this.#close(attempt);
    this.#requeue(attempt, reason, nowMs);
    return true;
  }

  /** Signs of life of what a runner holds. @returns tokens it must kill: asked for by a user, or given up earlier */
  touch(touched: readonly TouchedAttempt[], nowMs: number): number[] {
    const kill: number[] = [];
    for (const { attempt: token, ...usage } of touched) {
      const attempt = this.attempts.byToken(token);
      if (attempt === undefined) {
        kill.push(token);
        continue;
      }
      this.#hear(attempt, nowMs);
      Object.assign(attempt, usage);
      if (attempt.killed) kill.push(token);
    }
    return kill;
  }

  /**
   * A runner came (back) and says what it holds. What it does not hold it was never given, or has let go.
   * @returns the tokens that are not its own any more
   */
  adopt(runnerId: string, holding: readonly number[], nowMs: number, random = 0): number[] {
    this.settleDropped(runnerId, holding, nowMs, 0, random);
    return holding.filter((token) => {
      const attempt = this.attempts.byToken(token);
      if (attempt === undefined || attempt.runnerId !== runnerId) return true;
      this.#hear(attempt, nowMs);
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
    nowMs: number,
    silentMs: number,
    random: number,
  ): number {
    const open = this.attempts.byRunner(runnerId);
    if (open.size === 0) return 0;
    const held = new Set(holding);
    const dropped = [...open].filter(
      ({ token, contactMs }) => !held.has(token) && nowMs - contactMs >= silentMs,
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

  /** Keeps by what the processes of an attempt are known. */
  identify(token: number, runnerBirth: number, birth: number): void {
    const attempt = this.attempts.byToken(token);
    if (attempt === undefined) return;
    attempt.runnerBirth = runnerBirth;
    attempt.birth = birth;
    this.#write(attempt.number, this.#attemptRecord(attempt));
  }

  /**
   * Settles attempts that were not heard of for `ttrMs`. They are lost until there is proof that they are over: silence
   * alone is none, for a runner that is only cut off may be at work, and no command may run twice at once. With proof, one
   * that never started goes back to the queue, and one that did has failed.
   * @param isGone - whether a process of an attempt's host is known not to exist
   * @param onOver - told of each that is found to be over
   * @param random - in [0, 1): the jitter of each back-off, for those lost together are not to come back together
   * @returns how many changed
   */
  expire(
    nowMs: number,
    ttrMs: number,
    isGone: IsGone,
    random: () => number = () => 0,
    onOver: (attempt: Attempt) => void = () => undefined,
  ): number {
    let settled = 0;
    for (const attempt of [...this.attempts.all()]) {
      if (nowMs - attempt.contactMs < ttrMs) continue;
      if (this.#isOver(attempt, isGone)) {
        onOver(attempt);
        this.#settleGone(attempt, nowMs, random());
      } else if (attempt.lostMs === 0) this.#lose(attempt, nowMs);
      else continue;
      settled += 1;
    }
    return settled;
  }

  /** Its runner is gone, and so is its command (since-0.36.md §3.4). */
  #isOver({ host, runnerPid, pid, startedMs, runnerBirth, birth }: Attempt, isGone: IsGone): boolean {
    return isGone(host, runnerPid, runnerBirth) && (startedMs === 0 || isGone(host, pid, birth));
  }

  #settleGone(attempt: Attempt, nowMs: number, random: number): void {
    if (attempt.startedMs === 0) {
      this.#close(attempt);
      this.#requeue(attempt, 'lost contact with runner', nowMs);
    } else if (attempt.killed) this.#giveUp(attempt, 'killed by user request', 'bury', nowMs, 0);
    else this.#giveUp(attempt, 'lost contact with runner', 'release', nowMs, random);
  }

  #lose(attempt: Attempt, nowMs: number): void {
    attempt.lostMs = nowMs;
    this.move(attempt.number, 'lose');
    this.remember(attempt.number, -1, 'lost contact with runner');
    const record = this.#attemptRecord(attempt);
    this.#write(attempt.number, { ...record, endedMs: nowMs, reason: 'lost contact with runner' });
  }

  /** The manager itself stood still for so long: no runner could be heard, so none was silent. */
  extendContacts(stalledMs: number): void {
    for (const attempt of this.attempts.all()) attempt.contactMs += stalledMs;
  }

  // ------------------------------------------------------------ users' wishes

  /**
   * Asks for the end of an open attempt; the runner is told by whoever holds its connection.
   * @returns the attempt, or `undefined` when the job is not held
   */
  kill(number: number): Attempt | undefined {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined) return undefined;
    if (!attempt.killed) {
      attempt.killed = true;
      this.#write(number, this.#attemptRecord(attempt));
    }
    return attempt;
  }

  /** A user (or a check) is sure that a lost attempt is dead: normal retry accounting. */
  confirmDead(number: number, nowMs: number, random: number): boolean {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined || attempt.lostMs === 0) return false;
    if (attempt.killed) this.#giveUp(attempt, 'killed by user request', 'bury', nowMs, 0);
    else this.#giveUp(attempt, 'lost contact with runner', 'release', nowMs, random);
    return true;
  }

  /**
   * The scheduler is sure that the place where a job ran is no more: whatever became of the attempt, it is over, and it
   * was not the command's fault. False: it is not held.
   */
  placeDied(number: number, nowMs: number, random: number): boolean {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined) return false;
    if (attempt.startedMs === 0 || attempt.killed) this.#settleGone(attempt, nowMs, random);
    else {
      const isFree = this.#freeLosses.use(number);
      this.#giveUp(attempt, 'lost contact with runner', 'release', nowMs, random, isFree);
    }
    return true;
  }

  /** Makes a buried job ready with all of its retries. */
  retry(number: number): boolean {
    if (this.table.state(number) !== STATE.buried) return false;
    const chunk = this.chunk(number);
    const retries = this.templateOf(number).options.retries;
    chunk.retriesLeft[rowOf(number)] = retries;
    this.#freeLosses.forget(number);
    this.move(number, 'retry');
    this.failBudgets.lift(this.templateOf(number).repGroup);
    this.#amend(number, {
      state: STATE.ready,
      retriesLeft: retries,
      retries,
      readyMs: 0,
      freeLosses: 0,
    });
    return true;
  }

  /** What a job waits for was changed: it waits, or no longer. */
  reconsider(number: number): void {
    const state = this.table.state(number);
    if (this.isBlocked(number)) this.blocked(number);
    else if (state === STATE.dependent) this.move(number, 'satisfy');
  }

  /** Takes a job that no runner holds and no other waits for out of the queue for good. */
  remove(number: number): boolean {
    const state = this.table.state(number);
    if (isHeld(state) || state === STATE.none || state === STATE.complete || state === STATE.removed)
      return false;
    if (this.dependencies.hasDependants(number)) return false;
    const template = this.templateOf(number);
    if (state === STATE.suspended) this.suspension.note(number);
    this.move(number, 'remove');
    this.#amend(number, { state: STATE.removed });
    this.#settle(number, template);
    return true;
  }

  /** Buries the ready jobs of a group whose requirements can never be met, up to `max`. @param why - for users. @returns how many */
  buryImpossible(group: SchedulerGroup, max: number, why: Uint8Array = NO_BYTES): number {
    let buried = 0;
    for (; buried < max; buried += 1) {
      const number = this.popReady(group);
      if (number === 0) break;
      this.#unpop(number);
      this.move(number, 'bury');
      this.remember(number, -1, 'resource requirements cannot be met');
      this.#amend(number, {
        state: STATE.buried,
        reason: 'resource requirements cannot be met',
        exitCode: -1,
        stderr: why,
      });
      this.#settle(number, this.templateOf(number));
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

  // ------------------------------------------------------------ restart

  /** Puts a job back into the state its record tells of; rows were described and activated before. */
  recover(number: number, record: JobRecord, nowMs: number): void {
    const chunk = this.chunk(number);
    const row = rowOf(number);
    chunk.attempts[row] = Math.min(255, record.attempts);
    // Retries used up stay used up when there are to be more or fewer of them.
    const { retries } = this.templateOf(number).options;
    chunk.retriesLeft[row] = Math.max(0, retries - (record.retries - record.retriesLeft));
    chunk.exitCode[row] = record.exitCode;
    chunk.reason[row] = failReasonCode(record.reason);
    this.setGrown(number, record.grown);
    this.#freeLosses.restore(number, record.freeLosses);
    const { state } = record;
    // Whether it waits for others is told by these; a job that has to wait for a new one waits for nothing else.
    if (state === STATE.ready || state === STATE.dependent) return;
    if (state === STATE.delayed && this.table.state(number) === STATE.dependent) return;
    if (isHeld(state)) this.#recoverHeld(number, record, nowMs);
    else this.place(number, state);
    if (state === STATE.delayed) this.due.add(number, record.readyMs);
  }

  #recoverHeld(number: number, record: JobRecord, nowMs: number): void {
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
    this.#open({
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
      contactMs: nowMs,
      lostMs: record.state === STATE.lost ? record.endedMs : 0,
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

  // ------------------------------------------------------------ inside

  /** What an end says of jobs like this one, and of what this one needs next. */
  #learn(attempt: Attempt, event: EndedEvent, { options }: Template): void {
    const { asked, grown, usage } = this.cohortOf(attempt.number);
    if (usage !== null) this.cohorts.usages.record(usage, usageOf(event, options.cwdMatters));
    if (event.outcome === 'complete' || attempt.startedMs === 0 || asked.override === 2) return;
    const wallMs = event.endedMs - attempt.startedMs;
    this.setGrown(attempt.number, grow(grown, attempt.given, { ...event, wallMs }));
  }

  /** `pop` took it out of the lane, as for a reservation: any other way on begins there. */
  #unpop(number: number): void {
    const cohort = this.cohortOf(number);
    cohort.group.ready.giveBack(cohort, this.chunk(number).priority[rowOf(number)] as number, number);
  }

  #holdBack(number: number): void {
    this.#unpop(number);
    this.suspension.suspend(Uint32Array.of(number), 0);
  }

  #giveUp(
    attempt: Attempt,
    reason: FailReason,
    outcome: 'release' | 'bury',
    nowMs: number,
    random: number,
    isFree = false,
  ): void {
    const { number } = attempt;
    this.#close(attempt);
    this.move(
      number,
      outcome === 'release' && this.#useRetry(number, !isFree && attempt.startedMs !== 0)
        ? 'release'
        : 'bury',
    );
    this.remember(number, -1, reason);
    const readyMs = this.#delay(number, nowMs, random);
    const endedMs = attempt.lostMs === 0 ? nowMs : attempt.lostMs;
    this.#write(number, {
      ...this.#attemptRecord(attempt),
      state: this.state(number),
      exitCode: -1,
      reason,
      readyMs,
      endedMs,
    });
    this.#settle(number, this.templateOf(number));
  }

  #requeue(attempt: Attempt, reason: FailReason, nowMs: number): void {
    const { number } = attempt;
    if (attempt.killed) {
      this.move(number, 'bury');
      this.remember(number, -1, 'killed by user request');
      this.#write(number, {
        ...this.#attemptRecord(attempt),
        state: STATE.buried,
        exitCode: -1,
        reason: 'killed by user request',
      });
      this.#settle(number, this.templateOf(number));
      return;
    }
    // Nothing ran, so nothing speaks for waiting.
    this.move(number, 'requeue');
    this.remember(number, 0, reason);
    this.#write(number, { ...this.#attemptRecord(attempt), state: STATE.ready, reason, endedMs: nowMs });
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
    this.due.add(number, readyMs);
    return readyMs;
  }

  #markStarted(attempt: Attempt, pid: number, startedMs: number): void {
    attempt.pid = pid;
    attempt.startedMs = startedMs;
    const chunk = this.chunk(attempt.number);
    const row = rowOf(attempt.number);
    chunk.attempts[row] = Math.min(255, (chunk.attempts[row] as number) + 1);
    this.move(attempt.number, 'start');
  }

  /** A message arrived: contact counts from here, and a lost attempt is found again. */
  #hear(attempt: Attempt, nowMs: number): void {
    attempt.contactMs = nowMs;
    if (attempt.lostMs === 0) return;
    attempt.lostMs = 0;
    this.move(attempt.number, attempt.startedMs === 0 ? 'touchUnstarted' : 'touch');
    this.remember(attempt.number, -1, '');
    this.#write(attempt.number, this.#attemptRecord(attempt));
  }

  #open(attempt: Attempt): void {
    this.attempts.add(attempt);
    this.groups.hold(this.groups.get(attempt.group), 1, attempt.resources);
  }

  #close(attempt: Attempt): void {
    this.attempts.remove(attempt);
    this.groups.hold(this.groups.get(attempt.group), -1, attempt.resources);
  }

  /** What follows from a job being done with: the archive takes it, or its `remove` behaviour does. */
  #settle(number: number, template: Template): void {
    const state = this.table.state(number);
    if (state === STATE.buried && hasRemoveBehaviour(template.options)) {
      this.remove(number);
      return;
    }
    if (state !== STATE.complete && state !== STATE.removed) return;
    this.segments.finish(number);
    this.finished.push(number);
    this.#freeLosses.forget(number);
    if (((this.chunk(number).flags[rowOf(number)] as number) & DEPENDENCY_FLAGS) === 0) return;
    if (state === STATE.complete) this.dependencies.finish(number);
    else this.dependencies.forget(number);
    this.dependencies.sweep(TOLD_AT_ONCE);
  }

  /** While it ran, a group that it waits for gained a member: it is queued again, behind that. */
  #mustRunAgain({ number, outdated }: Attempt): boolean {
    if (!outdated && !this.isBlocked(number)) return false;
    this.chunk(number).retriesLeft[rowOf(number)] = this.templateOf(number).options.retries;
    this.move(number, 'requeue');
    return true;
  }

  protected override outdated(number: number): void {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined || attempt.outdated) return;
    attempt.outdated = true;
    this.#write(number, this.#attemptRecord(attempt));
  }

  protected override blocked(number: number): number {
    const state = super.blocked(number);
    if (isHeld(state)) this.outdated(number);
    // Its delay is off, also after a restart.
    if (state === STATE.delayed) this.#amend(number, { state: STATE.dependent, readyMs: 0 });
    return state;
  }

  /** The row of a complete or removed job leaves memory. */
  forget(number: number): void {
    const chunk = this.table.chunkOf(number);
    if (chunk !== undefined && ((chunk.flags[rowOf(number)] as number) & DEPENDENCY_FLAGS) !== 0)
      this.dependencies.forget(number);
    this.keys.remove(number);
    this.table.occupy(number, -1);
  }

  #attemptRecord(attempt: Attempt): JobRecord {
    const chunk = this.chunk(attempt.number);
    const row = rowOf(attempt.number);
    return {
      ...EMPTY_RECORD,
      state: chunk.state[row] as JobRecord['state'],
      attempts: chunk.attempts[row] as number,
      retriesLeft: chunk.retriesLeft[row] as number,
      retries: this.templateOf(attempt.number).options.retries,
      attempt: attempt.token,
      runnerId: attempt.runnerId,
      host: attempt.host,
      ip: attempt.ip,
      runnerPid: attempt.runnerPid,
      pid: attempt.pid,
      reservedMs: attempt.reservedMs,
      startedMs: attempt.startedMs,
      exitCode: -1,
      cwd: attempt.cwd,
      killed: attempt.killed,
      outdated: attempt.outdated,
      runnerBirth: attempt.runnerBirth,
      birth: attempt.birth,
      given: attempt.given,
      resources: attempt.resources,
      grown: this.cohortOf(attempt.number).grown,
      freeLosses: this.#freeLosses.of(attempt.number),
    };
  }

  #write(number: number, record: JobRecord): void {
    this.changes.set(number, { record });
  }

  /** Lays members over what is to be written of a job, or over what is on disk. */
  #amend(number: number, patch: Partial<JobRecord> & Pick<JobRecord, 'state'>): void {
    const change = this.changes.get(number);
    if (change === undefined) this.changes.set(number, { patch });
    else if ('record' in change) this.changes.set(number, { record: { ...change.record, ...patch } });
    else this.changes.set(number, { patch: { ...change.patch, ...patch } });
  }
}

function outcomeOf(event: EndedEvent): Partial<JobRecord> {
  const { exitCode, reason, startedMs, endedMs, peakRamMb, peakDiskMb, cpuMs, cwd, stdout, stderr, pid } =
    event;
  return { exitCode, reason, startedMs, endedMs, peakRamMb, peakDiskMb, cpuMs, cwd, stdout, stderr, pid };
}

function hasRemoveBehaviour(options: JobOptions): boolean {
  const lists = [options.onFailure, options.onSuccess, options.onExit];
  return lists.some((list) => list.some((behaviour) => behaviour.remove === true));
}
