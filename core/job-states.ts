/**
 * Every job's row, and everything that is counted from it: the one place where a state changes.
 *
 * A change asks the transition table, then moves the counts of the report group and the lane of the job's cohort along, so
 * that none of them can be forgotten.
 */
import { type Cohort, Cohorts, fits } from './cohorts.ts';
import { Dependencies } from './dependencies.ts';
import { WrError } from './errors.ts';
import { FailBudgets } from './fail-budgets.ts';
import { type FailReason, failReasonCode } from './fail-reasons.ts';
import { type Figures, sameFigures } from './figures.ts';
import { JOB_FLAG } from './job-flags.ts';
import { CHUNK_ROWS, JobTable, rowOf, type TableChunk } from './job-table.ts';
import { KeyIndex } from './key-index.ts';
import { RepGroups } from './rep-groups.ts';
import { type SchedulerGroup, SchedulerGroups } from './scheduler-groups.ts';
import type { SegmentEntry } from './segment-directory.ts';
import { type JobEvent, nextStateCode, STATE, type StateCode } from './states.ts';
import { type Template, Templates } from './templates.ts';
import { Uses } from './uses.ts';

/** Cohorts that a request looks at beyond its own group's. */
const AWAY_MAX = 256;

export class JobStates {
  readonly table = new JobTable();
  readonly keys = new KeyIndex(this.table);
  readonly groups = new SchedulerGroups();
  readonly cohorts = new Cohorts(this.groups, this.table.figures);
  readonly uses = new Uses();
  readonly repGroups = new RepGroups(this.uses);
  readonly templates = new Templates(this.cohorts, this.repGroups, this.uses);
  /** Segments with jobs that are found under further report groups, to be written. */
  readonly retallied = new Set<SegmentEntry>();
  readonly failBudgets = new FailBudgets();
  readonly dependencies = new Dependencies(this.table, {
    blocked: (job) => this.blocked(job),
    missed: (job) => this.outdated(job),
    freed: (job) => this.#freed(job),
  });
  readonly #isReady = (number: number, priority: number, cohort: Cohort): boolean => {
    const chunk = this.table.chunkOf(number);
    if (chunk === undefined) return false;
    const row = rowOf(number);
    return (
      chunk.state[row] === STATE.ready && chunk.cohort[row] === cohort.id && chunk.priority[row] === priority
    );
  };

  templateOf(number: number): Template {
    return this.templates.get(this.chunk(number).template[rowOf(number)] as number);
  }

  /**
   * Gives rows of one template, still without a state, their columns.
   * @param priorities - by row from `from`; `null`: the template's
   */
  describe(from: number, count: number, template: Template, priorities: Uint8Array | null): void {
    this.#eachChunk(from, count, (chunk, row, rows, offset) => {
      chunk.template.fill(template.id, row, row + rows);
      chunk.cohort.fill(template.cohort.id, row, row + rows);
      chunk.retriesLeft.fill(template.options.retries, row, row + rows);
      chunk.attempts.fill(0, row, row + rows);
      chunk.exitCode.fill(0, row, row + rows);
      chunk.reason.fill(0, row, row + rows);
      if (priorities === null) chunk.priority.fill(template.options.priority, row, row + rows);
      else chunk.priority.set(priorities.subarray(offset, offset + rows), row);
    });
  }

  /** Makes described rows ready: they are on disk. All of one template and, unless `mixed`, one priority. */
  activate(from: number, count: number, template: Template, mixed: boolean): void {
    const to = nextStateCode(STATE.none, 'add');
    const { cohort, schedulerGroup: group } = template;
    this.templates.retain(template.id, count);
    this.#eachChunk(from, count, (chunk, row, rows, offset) => {
      chunk.state.fill(to, row, row + rows);
      if (!mixed) group.ready.push(cohort, chunk.priority[row] as number, from + offset, rows);
      else
        for (let i = 0; i < rows; i += 1)
          group.ready.push(cohort, chunk.priority[row + i] as number, from + offset + i, 1);
    });
    this.repGroups.move(template.repGroup, STATE.none, to, count);
    this.groups.note(group);
  }

  /** The same for jobs of which some have to wait. */
  activateLinked(from: number, count: number, template: Template, mixed: boolean): void {
    for (let first = from; first < from + count; ) {
      const waits = this.dependencies.unmet(first) > 0;
      let end = first + 1;
      while (end < from + count && this.dependencies.unmet(end) > 0 === waits) end += 1;
      if (waits) this.#activateDependent(first, end - first, template);
      else this.activate(first, end - first, template, mixed);
      first = end;
    }
  }

  #activateDependent(from: number, count: number, template: Template): void {
    const to = nextStateCode(STATE.none, 'addDependent');
    this.templates.retain(template.id, count);
    this.#eachChunk(from, count, (chunk, row, rows) => {
      chunk.state.fill(to, row, row + rows);
    });
    this.repGroups.move(template.repGroup, STATE.none, to, count);
  }

  /** Takes the best ready job of a group off its lane, for a reservation. @returns 0 when there is none */
  popReady(group: SchedulerGroup): number {
    return this.#popUnblocked(() => group.ready.pop(this.#isReady));
  }

  /**
   * For a runner that was started for what these jobs asked for, and that what they are given now still fits in: takes
   * the best one of a cohort that is served elsewhere. @returns 0 when there is none
   */
  popAway(home: SchedulerGroup): number {
    for (const cohort of this.#awayFrom(home)) {
      const number = this.#popUnblocked(() => cohort.group.ready.popOf(cohort, this.#isReady));
      this.groups.note(cohort.group);
      if (number !== 0) return number;
    }
    return 0;
  }

  /** Whether {@link popAway} finds a job. */
  hasAway(home: SchedulerGroup): boolean {
    for (const _ of this.#awayFrom(home)) return true;
    return false;
  }

  *#awayFrom(home: SchedulerGroup): Iterable<Cohort> {
    let seen = 0;
    for (const cohort of home.away) {
      if (cohort.ready.ready > 0 && fits(cohort, home)) yield cohort;
      seen += 1;
      if (seen === AWAY_MAX) return;
    }
  }

  /**
   * Moves a job on.
   * @throws {WrError} BAD_TRANSITION
   */
  move(number: number, event: JobEvent): void {
    const chunk = this.chunk(number);
    const row = rowOf(number);
    const from = chunk.state[row] as number;
    let to = nextStateCode(from, event);
    // Whatever would run again waits for what has come before it since.
    if ((to === STATE.ready || to === STATE.delayed) && this.isBlocked(number))
      to = nextStateCode(to, 'depend');
    chunk.state[row] = to;
    this.repGroups.move(this.tallyOf(number), from, to);
    // A reservation was popped off its lane; all else leaves it here.
    if (from !== STATE.ready && to !== STATE.ready) return;
    const cohort = this.cohorts.get(chunk.cohort[row] as number);
    const { group } = cohort;
    if (from === STATE.ready && event !== 'reserve') group.ready.left(cohort, chunk.priority[row] as number);
    if (to === STATE.ready) {
      const priority = chunk.priority[row] as number;
      // Many are freed at once and in order, which makes them one entry.
      if (event === 'satisfy') group.ready.push(cohort, priority, number, 1);
      else group.ready.giveBack(cohort, priority, number);
    }
    this.groups.note(group);
  }

  /** Whether the job has to wait for others. */
  isBlocked(number: number): boolean {
    return (
      ((this.chunk(number).flags[rowOf(number)] as number) & JOB_FLAG.waits) !== 0 &&
      this.dependencies.isBlocked(number)
    );
  }

  /** A job has to wait from now on; one that is held, buried or suspended only later. @returns the state it was in */
  protected blocked(number: number): number {
    const state = this.table.state(number);
    if (state === STATE.ready || state === STATE.delayed) this.move(number, 'depend');
    return state;
  }

  /** What a job that is held waited for has changed since: its run is out of date. */
  protected outdated(_number: number): void {
    // Runs are the concern of those who hold attempts.
  }

  #freed(number: number): void {
    if (this.table.state(number) === STATE.dependent) this.move(number, 'satisfy');
  }

  /** Jobs on top that must wait after all, which they have not been told yet, are put there. */
  #popUnblocked(pop: () => number): number {
    for (;;) {
      const number = pop();
      if (number === 0 || !this.dependencies.sweeping || !this.isBlocked(number)) return number;
      const cohort = this.cohortOf(number);
      cohort.group.ready.giveBack(cohort, this.chunk(number).priority[rowOf(number)] as number, number);
      this.move(number, 'depend');
    }
  }

  /** The cohort of a job: what it is given. */
  cohortOf(number: number): Cohort {
    return this.cohorts.get(this.chunk(number).cohort[rowOf(number)] as number);
  }

  /** Gives a job figures of its own: the least it needs after it ran out. */
  setGrown(number: number, grown: Figures): void {
    const chunk = this.chunk(number);
    const row = rowOf(number);
    const before = this.cohorts.get(chunk.cohort[row] as number);
    if (sameFigures(before.grown, grown)) return;
    const after = this.cohorts.intern(before.asked, grown);
    const own = this.templateOf(number).cohort;
    if (after !== own) this.cohorts.retain(after);
    if (before !== own) this.cohorts.release(before);
    const isReady = chunk.state[row] === STATE.ready;
    if (isReady) before.group.ready.left(before, chunk.priority[row] as number);
    chunk.cohort[row] = after.id;
    if (isReady) after.group.ready.giveBack(after, chunk.priority[row] as number, number);
    this.groups.note(before.group);
    this.groups.note(after.group);
  }

  /** Recovery restores a state, it does not re-derive it (reliability.md c17): the one way around the table. */
  place(number: number, state: number): void {
    const chunk = this.chunk(number);
    const cohort = this.cohortOf(number);
    const from = chunk.state[rowOf(number)] as number;
    chunk.state[rowOf(number)] = state;
    this.repGroups.move(this.tallyOf(number), from, state);
    if (from === STATE.ready) cohort.group.ready.left(cohort, chunk.priority[rowOf(number)] as number);
    this.groups.note(cohort.group);
  }

  /** Where a job is counted: its report group, or the set of those that it is found under. */
  tallyOf(number: number): number {
    const chunk = this.chunk(number);
    const row = rowOf(number);
    if (((chunk.flags[row] as number) & JOB_FLAG.inSet) !== 0) return chunk.sets?.[row] as number;
    return this.templates.get(chunk.template[row] as number).repGroup;
  }

  /** Counts a job of the queue elsewhere. */
  retally(number: number, tally: number): void {
    const chunk = this.chunk(number);
    const row = rowOf(number);
    this.repGroups.shift(this.tallyOf(number), tally, chunk.state[row] as number);
    chunk.sets ??= new Uint32Array(CHUNK_ROWS);
    chunk.sets[row] = tally;
    chunk.flags[row] = (chunk.flags[row] as number) | JOB_FLAG.inSet;
  }

  /** A row is no longer one of its template and its cohort. */
  protected releaseRow(number: number): void {
    const chunk = this.chunk(number);
    const row = rowOf(number);
    const template = this.templates.get(chunk.template[row] as number);
    const cohort = this.cohorts.get(chunk.cohort[row] as number);
    if (cohort !== template.cohort) this.cohorts.release(cohort);
    this.templates.release(template.id, 1);
  }

  /** Keeps what the last attempt came to. */
  remember(number: number, exitCode: number, reason: FailReason): void {
    const chunk = this.chunk(number);
    chunk.exitCode[rowOf(number)] = exitCode;
    chunk.reason[rowOf(number)] = failReasonCode(reason);
    if (chunk.state[rowOf(number)] === STATE.buried && reason !== 'killed by user request')
      this.failBudgets.noteBurial(this.templateOf(number).repGroup);
  }

  /** Whether {@link trim} may find something to drop. */
  get isTrimmable(): boolean {
    const { templates, cohorts, groups, repGroups } = this;
    if (templates.isFull || repGroups.hasSpent || cohorts.hasUnused) return true;
    return groups.hasUnused || cohorts.usages.unused.size > 0;
  }

  /**
   * Drops up to `max` each of templates, cohorts, scheduler groups, requirement groups and sets of report groups that no job needs. To be
   * called while all that is not noted as changed is on disk.
   * @param isAwaited - whether a runner or a plan needs the group
   * @returns how many
   */
  trim(max: number, isAwaited: (group: SchedulerGroup) => boolean, keepTemplates?: number): number {
    const { templates, cohorts, groups, repGroups } = this;
    return (
      templates.trim(max, keepTemplates) +
      cohorts.trim(max) +
      groups.trim(max, isAwaited) +
      cohorts.usages.trim(max) +
      repGroups.trim(max)
    );
  }

  state(number: number): StateCode {
    return this.table.state(number) as StateCode;
  }

  /** @throws {WrError} JOB_NOT_FOUND when the job's row is not in memory */
  chunk(number: number): TableChunk {
    const chunk = this.table.chunkOf(number);
    if (chunk === undefined)
      throw new WrError('JOB_NOT_FOUND', `command number ${number} is not in the queue`);
    return chunk;
  }

  /** Calls back per chunk that a run of numbers touches: first row, rows, and offset into the run. */
  #eachChunk(
    from: number,
    count: number,
    visit: (chunk: TableChunk, row: number, rows: number, offset: number) => void,
  ): void {
    for (let offset = 0; offset < count; ) {
      const chunk = this.table.chunkFor(from + offset);
      const row = rowOf(from + offset);
      const rows = Math.min(count - offset, chunk.state.length - row);
      visit(chunk, row, rows, offset);
      offset += rows;
    }
  }
}
