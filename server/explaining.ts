/** Answers why a command is not running: gathers the facts for core/explain.ts. Asked by people, one command at a time. */

import type { ManagerStatusReply, PageReply } from '../core/client-replies.ts';
import type { ExplainRequest } from '../core/client-requests.ts';
import { decodeFrame } from '../core/codec.ts';
import type { Cohort } from '../core/cohorts.ts';
import { groupHashBytes } from '../core/dependency-links.ts';
import { explain, type FullLimit, type GroupFacts, type JobFacts, type Shortage } from '../core/explain.ts';
import type { FailReason } from '../core/fail-reasons.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf } from '../core/job-table.ts';
import { ALL_STATES, type JobState, STATE, STATE_NAMES } from '../core/states.ts';
import type { StatusJob } from '../core/status-job.ts';
import type { Clock } from './clock.ts';
import type { Peer } from './peer.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { Selection } from './selection.ts';
import type { Tasks } from './tasks.ts';

const IMPOSSIBLE: FailReason = 'resource requirements cannot be met';
const NO_GROUP: GroupFacts = {
  memoryMb: 0,
  cpus: 0,
  ahead: 0,
  held: 0,
  slots: null,
  scheduler: '',
  capacity: { cpus: 0, memoryMb: 0 },
  canEverRun: true,
  runners: 0,
  othersHeld: 0,
};

export interface ExplainingParts {
  readonly queue: JobQueue;
  readonly tasks: Tasks;
  readonly selection: Selection;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly mode: () => ManagerStatusReply['mode'];
  /** Why a host could not be asked about what was lost there; '': it could. */
  readonly hostTrouble: (host: string) => string;
  /** Slots given to a scheduler group, and runners that serve what they are given. */
  readonly allotted: (group: Cohort['group']) => { readonly slots: number; readonly runners: number };
}

export class Explaining {
  readonly #parts: ExplainingParts;

  constructor(parts: ExplainingParts) {
    this.#parts = parts;
  }

  async answer(peer: Peer, { id, key }: ExplainRequest): Promise<void> {
    const { selection } = this.#parts;
    const number = (await selection.scope({ by: 'keys', keys: key }, ALL_STATES)).numbers?.[0];
    const job = number === undefined ? undefined : await this.#read(number);
    if (number === undefined || job === undefined) {
      peer.post({ type: 'explained', id, job: null, reasons: [] });
      return;
    }
    const facts = await this.#facts(number, job);
    peer.post({ type: 'explained', id, job, reasons: explain(facts) });
  }

  async #facts(number: number, job: StatusJob): Promise<JobFacts> {
    const { queue, clock, mode, hostTrouble } = this.#parts;
    const { wr } = job;
    const nowMs = clock.nowMs();
    const chunk = queue.table.chunkOf(number);
    const isReady = queue.table.state(number) === STATE.ready;
    // What was handed out and not started is shown without the host that it went to.
    const host = job.Host || (queue.attempts.byNumber(number)?.host ?? '');
    return {
      // The row may have moved on since the job was read: what is said is of one moment.
      state: (isReady ? 'ready' : job.State) as JobState,
      mode: mode(),
      nowMs,
      startedMs: wr?.startedMs ?? 0,
      endedMs: wr?.endedMs ?? 0,
      readyMs: wr?.readyMs ?? 0,
      host,
      pid: job.Pid,
      hostTrouble: job.State === 'lost' ? hostTrouble(host) : '',
      exitCode: job.Exitcode,
      reason: job.FailReason as FailReason,
      shortOf: job.FailReason === IMPOSSIBLE ? job.StdErr.trim() : '',
      attempts: job.Attempts,
      retriesLeft: chunk?.retriesLeft[rowOf(number)] ?? 0,
      dependencies: (job.Dependencies ?? []).filter((name) => !this.#isDone(name)),
      unseen: job.WaitingForDepGroups ?? [],
      ...(job.State === 'dependent' ? { waitedFor: await this.#waitedFor(number) } : {}),
      shortages: isReady ? this.#shortages(number) : [],
      stoppedAfter: wr?.stoppedAfter ?? 0,
      limits: isReady ? this.#fullLimits(number, nowMs) : [],
      group: isReady ? await this.#group(number) : NO_GROUP,
    };
  }

  async #waitedFor(number: number): Promise<NonNullable<JobFacts['waitedFor']>> {
    const { queue, tasks } = this.#parts;
    const { counts, buried } = await tasks.waitedFor(number, queue.table.snapshot());
    const named = STATE_NAMES.flatMap((name, state) => {
      const count = counts[state] ?? 0;
      return count === 0 ? [] : [[name, count] as const];
    });
    return { counts: named, buried };
  }

  #isDone(depGroup: string): boolean {
    return this.#parts.queue.dependencies.isGroupDone(groupHashBytes(depGroup));
  }

  #fullLimits(number: number, nowMs: number): FullLimit[] {
    const { groups } = this.#parts.queue;
    const names = this.#parts.queue.cohortOf(number).group.limitNames;
    return names.flatMap((name) => {
      const limit = groups.limits.find(name);
      if (limit === undefined || groups.limits.room(limit, nowMs) > 0) return [];
      const { window } = limit;
      const isPast = window?.of === 'calendar' && nowMs >= window.beforeMs;
      return [{ name, limit: window === null ? limit.limit : null, held: limit.held, isPast }];
    });
  }

  #shortages(number: number): Shortage[] {
    const { resources: pool } = this.#parts.queue.groups;
    return Object.entries(this.#parts.queue.cohortOf(number).group.resources).flatMap(([name, asked]) => {
      const units = pool.units(name);
      const free = pool.room({ [name]: 1 });
      return free < asked ? [{ name, asked, free, units }] : [];
    });
  }

  async #group(number: number): Promise<GroupFacts> {
    const { queue, scheduler, tasks, allotted } = this.#parts;
    const { group } = queue.cohortOf(number);
    const cohorts = new Uint8Array(queue.cohorts.end);
    for (const cohort of queue.cohorts.all()) if (cohort.group === group) cohorts[cohort.id] = 1;
    const ahead = await tasks.ahead({ number, cohorts }, queue.table.snapshot());
    const { memoryMb, cpus, timeMs, other, held } = group;
    const { slots, runners } = allotted(group);
    return {
      memoryMb,
      cpus,
      ahead,
      held,
      slots: scheduler.name === 'none' ? null : slots,
      scheduler: scheduler.name,
      capacity: { cpus: scheduler.capacity.cpus, memoryMb: scheduler.capacity.memoryMb },
      canEverRun: scheduler.canEverRun({ memoryMb, cpus, timeMs, other }),
      runners,
      othersHeld: queue.attempts.size - held,
    };
  }

  async #read(number: number): Promise<StatusJob | undefined> {
    const { queue, tasks, clock } = this.#parts;
    const result = await tasks.page({
      scope: { repGroups: null, numbers: Uint32Array.of(number), mask: ALL_STATES },
      table: queue.table.snapshot(),
      id: 0,
      output: 'jobs',
      limit: 0,
      env: false,
      host: '',
      nowMs: clock.nowMs(),
      cursor: { phase: 0, number: 0, shown: 0 },
      complete: 0,
    });
    return decodeFrame<PageReply>(result.frame)[0]?.jobs[0];
  }
}
