/**
 * What a change of a job leaves to be written, and what follows from its end for everything that knows the job.
 *
 * Nothing is written here: records, overlays and the numbers of finished jobs are left in `changes`, `overlays` and
 * `finished` for whoever owns the disk. Every change of state goes through `move` of {@link JobStates}.
 */
import { type Attempt, Attempts } from './attempts.ts';
import { BsubIds } from './bsub-ids.ts';
import { DueTimes } from './due-times.ts';
import { FreeLosses } from './free-losses.ts';
import { DEPENDENCY_FLAGS, JOB_FLAG } from './job-flags.ts';
import type { JobOptions } from './job-options.ts';
import { EMPTY_RECORD, type JobRecord } from './job-record.ts';
import { JobStates } from './job-states.ts';
import { rowOf } from './job-table.ts';
import type { Overlay } from './overlay.ts';
import { ReplacedRuns } from './replaced-runs.ts';
import { SegmentDirectory } from './segment-directory.ts';
import { isHeld, STATE } from './states.ts';
import { Suspension } from './suspension.ts';
import type { Template } from './templates.ts';

/** What is to be written of a job: a whole record, or members laid over the one on disk. */
export type Change =
  | { readonly record: JobRecord }
  | { readonly patch: Partial<JobRecord> & Pick<JobRecord, 'state'> };

/** Nothing is kept of what is removed. One for all: a million commands are removed at once. */
const REMOVED: Change = { record: { ...EMPTY_RECORD, state: STATE.removed } };
/** Waiters told of an end on the spot; the others are told in slices (`dependencies.sweep`). */
const TOLD_AT_ONCE = 64;

export class JobChanges extends JobStates {
  readonly segments = new SegmentDirectory();
  readonly attempts = new Attempts();
  readonly due = new DueTimes();
  readonly replaced = new ReplacedRuns();
  readonly bsub = new BsubIds();
  readonly suspension = new Suspension(this, this.segments);
  protected readonly freeLosses = new FreeLosses();
  /** What must be written, by job number; the owner of the disk empties it. */
  readonly changes = new Map<number, Change>();
  /** Changed jobs of segments, by segment; the owner of the disk empties it. */
  readonly overlays = new Map<number, Overlay>();
  /** Jobs that became complete or were removed, for the archive and for waiters; the owner empties it. */
  readonly finished: number[] = [];

  protected open(attempt: Attempt): void {
    this.attempts.add(attempt);
    this.groups.hold(this.groups.get(attempt.group), 1, attempt.resources);
  }

  protected close(attempt: Attempt): void {
    this.attempts.remove(attempt);
    this.groups.hold(this.groups.get(attempt.group), -1, attempt.resources);
  }

  /** A message arrived: contact counts from here, and a lost attempt is found again. */
  protected hear(attempt: Attempt, monotonicMs: number): void {
    attempt.contactMs = monotonicMs;
    if (attempt.lostMs === 0) return;
    attempt.lostMs = 0;
    this.move(attempt.number, attempt.startedMs === 0 ? 'touchUnstarted' : 'touch');
    this.remember(attempt.number, -1, '');
    this.write(attempt.number, this.attemptRecord(attempt));
  }

  /** Takes a job that no runner holds and no other waits for out of the queue for good. */
  remove(number: number): boolean {
    const state = this.table.state(number);
    if (isHeld(state) || state === STATE.none || state === STATE.complete || state === STATE.removed)
      return false;
    if (this.#hasDependencies(number) && this.dependencies.hasDependants(number)) return false;
    const template = this.templateOf(number);
    if (state === STATE.suspended) this.suspension.note(number);
    this.move(number, 'remove');
    this.changes.set(number, REMOVED);
    this.settle(number, template);
    return true;
  }

  /** What follows from a job being done with: the archive takes it, or its `remove` behaviour does. */
  protected settle(number: number, template: Template): void {
    const state = this.table.state(number);
    if (state === STATE.buried && hasRemoveBehaviour(template.options)) {
      this.remove(number);
      return;
    }
    if (state !== STATE.complete && state !== STATE.removed) return;
    this.segments.finish(number);
    this.finished.push(number);
    this.freeLosses.forget(number);
    if (!this.#hasDependencies(number)) return;
    if (state === STATE.complete) this.dependencies.finish(number);
    else this.dependencies.forget(number);
    this.dependencies.sweep(TOLD_AT_ONCE);
  }

  /** Most have none, and are spared the look at the links. */
  #hasDependencies(number: number): boolean {
    return ((this.chunk(number).flags[rowOf(number)] as number) & DEPENDENCY_FLAGS) !== 0;
  }

  protected override outdated(number: number): void {
    const attempt = this.attempts.byNumber(number);
    if (attempt === undefined || attempt.outdated) return;
    attempt.outdated = true;
    this.write(number, this.attemptRecord(attempt));
  }

  protected override blocked(number: number): number {
    const state = super.blocked(number);
    if (isHeld(state)) this.outdated(number);
    // Its delay is off, also after a restart.
    if (state === STATE.delayed) {
      const { flags } = this.chunk(number);
      flags[rowOf(number)] = (flags[rowOf(number)] as number) | JOB_FLAG.calledOff;
      this.amend(number, { state: STATE.dependent, readyMs: 0 });
    }
    return state;
  }

  /** The row of a complete or removed job leaves memory. */
  forget(number: number): void {
    const chunk = this.table.chunkOf(number);
    if (chunk !== undefined) this.releaseRow(number);
    if (chunk !== undefined && ((chunk.flags[rowOf(number)] as number) & DEPENDENCY_FLAGS) !== 0)
      this.dependencies.forget(number);
    this.keys.remove(number);
    this.table.vacate(number, 1);
  }

  protected attemptRecord(attempt: Attempt): JobRecord {
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
      // Whatever else is noted of a lost attempt, it stays lost, and since then.
      endedMs: attempt.lostMs,
      reason: attempt.lostMs === 0 ? '' : 'lost contact with runner',
      exitCode: -1,
      cwd: attempt.cwd,
      killed: attempt.killed,
      outdated: attempt.outdated,
      runnerBirth: attempt.runnerBirth,
      birth: attempt.birth,
      given: attempt.given,
      resources: attempt.resources,
      grown: this.cohortOf(attempt.number).grown,
      freeLosses: this.freeLosses.of(attempt.number),
    };
  }

  protected write(number: number, record: JobRecord): void {
    this.changes.set(number, { record });
  }

  /** Lays members over what is to be written of a job, or over what is on disk. */
  protected amend(number: number, patch: Partial<JobRecord> & Pick<JobRecord, 'state'>): void {
    const change = this.changes.get(number);
    if (change === undefined) this.changes.set(number, { patch });
    else if ('record' in change) this.changes.set(number, { record: { ...change.record, ...patch } });
    else this.changes.set(number, { patch: { ...change.patch, ...patch } });
  }
}

function hasRemoveBehaviour(options: JobOptions): boolean {
  const lists = [options.onFailure, options.onSuccess, options.onExit];
  return lists.some((list) => list.some((behaviour) => behaviour.remove === true));
}
