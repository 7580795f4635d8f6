/** What the manager asks of the worker pools, as plain functions; a simulation answers them in its own thread. */
import type { TableSnapshot } from '../core/job-table.ts';
import type { AheadQuestion } from '../workers/ahead.ts';
import type { ArrayPartTask } from '../workers/array-part.ts';
import type { CompletedGroups, CompletedQuestion } from '../workers/completed-groups.ts';
import type { IngestTask } from '../workers/ingest.ts';
import type { IngestResult } from '../workers/ingest-result.ts';
import type { LearnGroup, LearnResult, LearnTask } from '../workers/learn.ts';
import type { ListingScope } from '../workers/listing.ts';
import type { PlanResult, PlanTask } from '../workers/plan.ts';
import type { PreviewQuestion } from '../workers/preview.ts';
import type { BuriedResult, PageResult, QueryResult, QueryTask } from '../workers/query.ts';
import type { RekeyResult, RekeyTask } from '../workers/rekey.ts';
import type { RerunPart } from '../workers/reruns.ts';
import type { Summaries } from '../workers/summaries.ts';
import type { Tallied } from '../workers/tallied.ts';
import type { WaitedFor } from '../workers/waited-for.ts';

/** A question without the path, which the tasks know. */
type Without<Task, Members extends string> = Task extends unknown ? Omit<Task, Members> : never;
export type PageQuestion = Without<Extract<QueryTask, { kind: 'page' }>, 'kind' | 'path'>;

export interface Tasks {
  ingest(task: IngestTask): Promise<IngestResult>;
  arrayPart(task: ArrayPartTask): Promise<IngestResult>;
  plan(task: PlanTask): Promise<PlanResult>;
  /** Takes values into the sets of requirement groups; what comes of them is to be written by the caller. */
  learn(groups: readonly LearnGroup[]): Promise<LearnResult>;
  /** By key: the number of the archived complete job that has it, or 0. */
  findKeys(keys: Uint8Array): Promise<Uint32Array>;
  /** By group hash: 1 when the group is known on disk to have had a member. */
  seen(groups: Uint8Array): Promise<Uint8Array>;
  /** Where complete jobs are counted. */
  tallied(numbers: Uint32Array): Promise<Tallied>;
  /** Complete jobs that must run again when these groups gain members. */
  reruns(groups: Uint8Array, complete: Uint32Array): Promise<readonly RerunPart[]>;
  /** Job numbers within a scope, ascending. */
  select(scope: ListingScope, table: TableSnapshot): Promise<Uint32Array>;
  buried(scope: ListingScope, table: TableSnapshot): Promise<readonly BuriedResult[]>;
  /** Numbers of complete jobs of report groups, by start and end. */
  endedOrder(scope: ListingScope, table: TableSnapshot): Promise<Uint32Array>;
  /** Of jobs named one by one. */
  summaries(scope: ListingScope, table: TableSnapshot): Promise<Summaries>;
  /** Numbers of jobs written as complete from `sinceMs` on, in that order. @param end - one past the highest number */
  recent(sinceMs: number, end: number): Promise<Uint32Array>;
  page(question: PageQuestion): Promise<PageResult>;
  /** How many ready jobs are served before one. */
  ahead(question: AheadQuestion, table: TableSnapshot): Promise<number>;
  /** Of a job that waits for others. */
  waitedFor(number: number, table: TableSnapshot): Promise<WaitedFor>;
  completedGroups(question: CompletedQuestion): Promise<CompletedGroups>;
  /** Encoded messages. */
  preview(question: PreviewQuestion): Promise<readonly Uint8Array[]>;
  /** The keys that jobs would have after a change. */
  rekey(task: RekeyTask): Promise<RekeyResult>;
}

/** How a question reaches a worker. */
export interface Runners {
  ingest(task: IngestTask): Promise<IngestResult>;
  arrayPart(task: ArrayPartTask): Promise<IngestResult>;
  plan(task: PlanTask): Promise<PlanResult>;
  learn(task: LearnTask): Promise<LearnResult>;
  query(task: QueryTask): Promise<QueryResult>;
}

export class StoreTasks implements Tasks {
  readonly #runners: Runners;
  readonly #path: string;

  /** @param path - the database's, which the workers open for reading */
  constructor(runners: Runners, path: string) {
    this.#runners = runners;
    this.#path = path;
  }

  ingest(task: IngestTask): Promise<IngestResult> {
    return this.#runners.ingest(task);
  }

  arrayPart(task: ArrayPartTask): Promise<IngestResult> {
    return this.#runners.arrayPart(task);
  }

  plan(task: PlanTask): Promise<PlanResult> {
    return this.#runners.plan(task);
  }

  learn(groups: readonly LearnGroup[]): Promise<LearnResult> {
    return this.#runners.learn({ path: this.#path, groups });
  }

  // Each kind of question has its own kind of answer; workers/query.ts pairs them.
  async findKeys(keys: Uint8Array): Promise<Uint32Array> {
    return (await this.#runners.query({ kind: 'findKeys', path: this.#path, keys })) as Uint32Array;
  }

  async seen(groups: Uint8Array): Promise<Uint8Array> {
    return (await this.#runners.query({ kind: 'seen', path: this.#path, groups })) as Uint8Array;
  }

  async rekey(task: RekeyTask): Promise<RekeyResult> {
    return (await this.#runners.query({ kind: 'rekey', path: this.#path, ...task })) as RekeyResult;
  }

  async tallied(numbers: Uint32Array): Promise<Tallied> {
    return (await this.#runners.query({ kind: 'tallied', path: this.#path, numbers })) as Tallied;
  }

  async reruns(groups: Uint8Array, complete: Uint32Array): Promise<readonly RerunPart[]> {
    const task = { kind: 'reruns', path: this.#path, groups, complete } as const;
    return (await this.#runners.query(task)) as readonly RerunPart[];
  }

  async select(scope: ListingScope, table: TableSnapshot): Promise<Uint32Array> {
    return (await this.#runners.query({ kind: 'select', path: this.#path, scope, table })) as Uint32Array;
  }

  async endedOrder(scope: ListingScope, table: TableSnapshot): Promise<Uint32Array> {
    return (await this.#runners.query({ kind: 'endedOrder', path: this.#path, scope, table })) as Uint32Array;
  }

  async buried(scope: ListingScope, table: TableSnapshot): Promise<readonly BuriedResult[]> {
    return (await this.#runners.query({
      kind: 'buried',
      path: this.#path,
      scope,
      table,
    })) as readonly BuriedResult[];
  }

  async page(question: PageQuestion): Promise<PageResult> {
    return (await this.#runners.query({ kind: 'page', path: this.#path, ...question })) as PageResult;
  }

  async summaries(scope: ListingScope, table: TableSnapshot): Promise<Summaries> {
    return (await this.#runners.query({ kind: 'summaries', path: this.#path, scope, table })) as Summaries;
  }

  async recent(sinceMs: number, end: number): Promise<Uint32Array> {
    return (await this.#runners.query({ kind: 'recent', path: this.#path, sinceMs, end })) as Uint32Array;
  }

  async waitedFor(number: number, table: TableSnapshot): Promise<WaitedFor> {
    return (await this.#runners.query({ kind: 'waitedFor', path: this.#path, number, table })) as WaitedFor;
  }

  async ahead(question: AheadQuestion, table: TableSnapshot): Promise<number> {
    return (await this.#runners.query({ kind: 'ahead', path: this.#path, question, table })) as number;
  }

  async completedGroups(question: CompletedQuestion): Promise<CompletedGroups> {
    const task = { kind: 'completedGroups', path: this.#path, question } as const;
    return (await this.#runners.query(task)) as CompletedGroups;
  }

  async preview(question: PreviewQuestion): Promise<readonly Uint8Array[]> {
    const task = { kind: 'preview', path: this.#path, question } as const;
    return (await this.#runners.query(task)) as readonly Uint8Array[];
  }
}
