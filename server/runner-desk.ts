/**
 * Runners' side of the manager: who they are, what they hold, what they wait for. Jobs are handed out, and reports
 * answered, when the batch they belong to is on disk.
 */
import type { Attempt } from '../core/attempts.ts';
import { type CheckedReport, checkEvent } from '../core/check-message.ts';
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { rowOf } from '../core/job-table.ts';
import type { Moment } from '../core/moment.ts';
import { TOUCH_MS, TTR_MS } from '../core/protocol.ts';
import type {
  EnvRequest,
  JobOrder,
  ReserveRequest,
  RunnerEvent,
  RunnerHello,
  RunTemplate,
  TouchedAttempt,
  TouchRequest,
} from '../core/runner-messages.ts';
import type { SchedulerGroup } from '../core/scheduler-groups.ts';
import type { KeyValueStore } from '../store/key-value.ts';
import { readEnvironment } from '../store/layout.ts';
import type { SegmentCache } from '../store/segment-cache.ts';
import { type Clock, momentOf } from './clock.ts';
import { errorReply } from './error-reply.ts';
import { GivingWay } from './giving-way.ts';
import type { Peer } from './peer.ts';
import type { Persist } from './persist.ts';
import type { Processes } from './processes.ts';
import { WaitingRunners } from './waiting-runners.ts';

/** The most jobs one request may take: what a runner that vanishes holds up for a TTR. */
const RESERVE_JOBS_MAX = 256;
/** No request has this id. */
const UNASKED = 0;
/** Templates a runner keeps: then it is told those it needs anew. */
const RUNNER_TEMPLATES_MAX = 512;
/** When everything that runs is killed: so many at a time, while no more records than these wait for the disk. */
const KILL_STEP = 256;
const KILLED_MAX = 512;

/** A connected runner. */
export interface Runner {
  readonly runnerId: string;
  readonly host: string;
  readonly ip: string;
  readonly pid: number;
  /** When its process began; 0: it did not say. */
  readonly birth: number;
  /** `null`: it serves what it is allotted. */
  readonly group: string | null;
  readonly peer: Peer;
  /** Templates it was sent. */
  readonly templates: Set<number>;
}

export interface RunnerDeskEvents {
  /** A runner without a group of its own came or went. */
  hostRunner(runner: Runner, connected: boolean): void;
  /** Attempts ended or jobs became ready: what is planned may be out of date. */
  changed(): void;
  /** The connection of a runner ended. */
  away(runner: Runner): void;
  /** What an attempt was to run cannot be read: its job was buried. */
  unreadable(attempt: Attempt, error: unknown): void;
  /** An event of a report could not be taken. */
  refused(error: unknown): void;
}

export class RunnerDesk {
  readonly #queue: JobQueue;
  readonly #store: KeyValueStore;
  readonly #segments: SegmentCache;
  readonly #persist: Persist;
  readonly #clock: Clock;
  readonly #events: RunnerDeskEvents;
  readonly #nextToken: () => number;
  readonly #processes: Pick<Processes, 'ownHost' | 'birthOf'>;
  readonly #runners = new Map<string, Runner>();
  readonly #byPeer = new Map<number, Runner>();
  readonly #waiting: WaitingRunners;
  /** Nothing is handed out: paused, draining or stopping. */
  #closed = false;
  /** Nothing is handed out for a moment: who asks waits. */
  #held = false;
  /** Every touch is answered with a kill. */
  #stopping = false;
  /** What is heard of again while it stops may go on. */
  #sparing = false;

  constructor(options: {
    readonly queue: JobQueue;
    readonly store: KeyValueStore;
    readonly segments: SegmentCache;
    readonly persist: Persist;
    readonly clock: Clock;
    readonly events: RunnerDeskEvents;
    readonly processes: Pick<Processes, 'ownHost' | 'birthOf'>;
    readonly nextToken: () => number;
  }) {
    this.#processes = options.processes;
    this.#queue = options.queue;
    this.#store = options.store;
    this.#segments = options.segments;
    this.#persist = options.persist;
    this.#clock = options.clock;
    this.#events = options.events;
    this.#nextToken = options.nextToken;
    this.#waiting = new WaitingRunners(this.#clock, (waiter) =>
      this.#answerNone(waiter.peer, waiter.request, false),
    );
  }

  get connected(): number {
    return this.#runners.size;
  }

  /** Whether a connected runner holds an attempt: one whose end may still be reported. */
  holding(): boolean {
    for (const attempt of this.#queue.attempts.all()) if (this.#runners.has(attempt.runnerId)) return true;
    return false;
  }

  /** Tells of groups whether a runner waits for a job of them, or is there for no other. */
  awaited(): (group: SchedulerGroup) => boolean {
    const names = new Set(Array.from(this.#runners.values(), ({ group }) => group));
    return (group) => names.has(group.name) || this.#waiting.has(group);
  }

  isConnected(runnerId: string): boolean {
    return this.#runners.has(runnerId);
  }

  hello(peer: Peer, message: RunnerHello): void {
    const { runnerId, host, ip, pid, birth = 0, group, holding, id } = message;
    const runner: Runner = { runnerId, host, ip, pid, birth, group, peer, templates: new Set() };
    const before = this.#byPeer.get(peer.id);
    if (before !== undefined && before.runnerId !== runnerId) this.#leave(before);
    const earlier = this.#runners.get(runnerId);
    if (earlier !== undefined) {
      this.#byPeer.delete(earlier.peer.id);
      if (earlier.group === null && group !== null) this.#events.hostRunner(earlier, false);
    }
    this.#runners.set(runnerId, runner);
    this.#byPeer.set(peer.id, runner);
    const superseded = this.#queue.adopt(runnerId, holding, momentOf(this.#clock), this.#clock.random());
    this.#persist.note();
    peer.post({ type: 'welcome', id, ttrMs: TTR_MS, touchMs: TOUCH_MS, superseded });
    if (this.#stopping) peer.post({ type: 'leave' });
    else if (group === null) this.#events.hostRunner(runner, true);
  }

  reserve(peer: Peer, request: ReserveRequest): void {
    const runner = this.#byPeer.get(peer.id);
    const group = this.#queue.groups.find(request.group);
    if (runner === undefined || this.#closed || group === undefined) {
      // One that serves this machine is told what there is; its group may have gone meanwhile.
      this.#answerNone(peer, request, runner?.group !== null || this.#closed);
      return;
    }
    if (this.#handsOut && this.#hasJobs(group) && this.#handOut(runner, group, request) > 0) return;
    if (request.waitMs <= 0) this.#answerNone(peer, request, false);
    else this.#waiting.add({ peer, request, group });
  }

  report(peer: Peer, { id, events }: CheckedReport): void {
    const now = momentOf(this.#clock);
    const superseded: number[] = [];
    const refused: { at: number; why: string }[] = [];
    let ended = false;
    for (const [at, told] of events.entries()) {
      try {
        const event = checkEvent(told);
        if (!this.#apply(event, now)) superseded.push(event.attempt);
        else if (this.#stopping && !this.#sparing && event.event === 'started')
          this.#killNow([this.#queue.attempts.byToken(event.attempt)]);
        ended ||= event.event !== 'started';
      } catch (error) {
        // One that cannot be taken must neither hold up the others nor be told for ever: its attempt is lost in time.
        refused.push({ at, why: asWrError(error).message });
        this.#events.refused(error);
      }
    }
    const more = refused.length === 0 ? {} : { refused };
    this.#persist.afterOrFailing((failed) =>
      peer.post(
        failed === undefined ? { type: 'reported', id, superseded, ...more } : errorReply(id, failed),
      ),
    );
    if (ended) this.#events.changed();
  }

  #apply(event: RunnerEvent, now: Moment): boolean {
    switch (event.event) {
      case 'started':
        return this.#queue.start(event.attempt, event.pid, event.startedMs, now.monotonicMs, event.cwd);
      case 'ended':
        return this.#queue.end(event, now, this.#clock.random());
      case 'released':
        return this.#queue.release(event.attempt, event.reason, now, this.#clock.random());
      default:
        event satisfies never;
        return false;
    }
  }

  touch(peer: Peer, { id, attempts }: TouchRequest): void {
    const now = momentOf(this.#clock);
    const kill = this.#queue.touch(attempts, now.monotonicMs);
    peer.post({ type: 'touched', id, kill });
    const runner = this.#byPeer.get(peer.id);
    if (runner === undefined) return;
    const named = attempts.map(({ attempt }) => attempt);
    const { runnerId } = runner;
    // Shorter silence is none: jobs may be on their way to it.
    const dropped = this.#queue.settleDropped(runnerId, named, now, TTR_MS, this.#clock.random());
    if (dropped > 0) this.#events.changed();
    for (const each of attempts) this.#identify(runner, each);
  }

  /** Keeps by what the processes are known of what has run for a while, to tell them from others that get their ids. */
  #identify(runner: Runner, { attempt: token, birth: told = 0 }: TouchedAttempt): void {
    const attempt = this.#queue.attempts.byToken(token);
    if (attempt === undefined || attempt.birth !== 0 || attempt.startedMs === 0) return;
    const { ownHost, birthOf } = this.#processes;
    const look = (pid: number): number => (runner.host === ownHost ? birthOf(pid) : 0);
    const birth = told || look(attempt.pid);
    if (birth !== 0) this.#queue.identify(token, runner.birth || look(runner.pid), birth);
  }

  env(peer: Peer, { id, envId }: EnvRequest): void {
    peer.post({ type: 'env', id, envId, env: readEnvironment(this.#store, envId) ?? null });
  }

  /** Tells the holder of an attempt at once that it is to be killed; a touch would tell it later. */
  pushKill(attempts: readonly Attempt[]): void {
    const byRunner = new Map<string, number[]>();
    for (const attempt of attempts) {
      const tokens = byRunner.get(attempt.runnerId);
      if (tokens === undefined) byRunner.set(attempt.runnerId, [attempt.token]);
      else tokens.push(attempt.token);
    }
    for (const [runnerId, tokens] of byRunner)
      this.#runners.get(runnerId)?.peer.post({ type: 'kill', attempts: tokens });
  }

  /** Serves waiting runners with jobs that have become ready. */
  serveWaiting(): void {
    if (!this.#handsOut) return;
    const nowMs = this.#clock.nowMs();
    for (const group of this.#waiting.groups()) {
      while (this.#hasJobs(group) && this.#queue.groups.room(group, nowMs) > 0) {
        const waiter = this.#waiting.take(group);
        if (waiter === undefined) break;
        const runner = this.#byPeer.get(waiter.peer.id);
        if (runner !== undefined && this.#handOut(runner, group, waiter.request) === 0)
          this.#answerNone(waiter.peer, waiter.request, false);
      }
    }
  }

  /** Not while nothing can be written: a reservation is on disk before its command is handed out. */
  get #handsOut(): boolean {
    return !this.#closed && !this.#held && this.#persist.failure === undefined;
  }

  /** Jobs of the group, or such as asked for it and were learned to need less. */
  #hasJobs(group: SchedulerGroup): boolean {
    return group.ready.ready > 0 || (group.away.size > 0 && this.#queue.hasAway(group));
  }

  /** A connection ended. What its runner holds stays its own until the TTR is over. */
  closed(peer: Peer): void {
    this.#waiting.drop(peer);
    const runner = this.#byPeer.get(peer.id);
    if (runner !== undefined) this.#leave(runner);
  }

  #leave(runner: Runner): void {
    this.#byPeer.delete(runner.peer.id);
    this.#runners.delete(runner.runnerId);
    if (runner.group === null) this.#events.hostRunner(runner, false);
    this.#events.away(runner);
  }

  /** Hands out again after {@link close}, unless the manager is stopping. */
  open(): void {
    this.#closed = this.#stopping;
  }

  /** While held, who asks for a job waits. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** From now on nothing is handed out, and who waits is told to leave. */
  close(): void {
    this.#closed = true;
    this.#waiting.dismiss((waiter) => this.#answerNone(waiter.peer, waiter.request, true));
  }

  /**
   * Sends every runner home and kills what runs; what was handed out and not started is given back by its runner.
   * @param isDrained - what runs yet is to end by itself: it was lost, and the next start settles it
   */
  stop(isDrained: boolean): void {
    this.close();
    this.#stopping = true;
    this.#sparing = isDrained;
    for (const runner of this.#runners.values()) runner.peer.post({ type: 'leave' });
    if (!isDrained) void this.#killAll();
  }

  async #killAll(): Promise<void> {
    const running = [...this.#queue.attempts.all()].filter((attempt) => attempt.startedMs > 0);
    const way = new GivingWay({ queue: this.#queue, persist: this.#persist, clock: this.#clock }, KILLED_MAX);
    for (let at = 0; at < running.length; at += KILL_STEP) {
      if (at > 0) await way.pause();
      this.#killNow(running.slice(at, at + KILL_STEP));
    }
  }

  #killNow(attempts: readonly (Attempt | undefined)[]): void {
    const running = attempts.filter(
      (attempt) => attempt !== undefined && this.#queue.attempts.has(attempt),
    ) as Attempt[];
    for (const attempt of running) this.#queue.kill(attempt.number);
    this.pushKill(running);
    this.#persist.note();
  }

  // ------------------------------------------------------------ handing out

  /** Hands a runner jobs of a group it has just been allotted, as if it had asked for them. @returns how many */
  handOutTo(runner: Runner, group: SchedulerGroup, count: number): number {
    if (!this.#handsOut || !this.#hasJobs(group)) return 0;
    return this.#handOut(runner, group, { id: UNASKED, group: group.name, count });
  }

  #handOut(
    runner: Runner,
    group: SchedulerGroup,
    request: Pick<ReserveRequest, 'id' | 'count' | 'group'>,
  ): number {
    const count = Math.min(request.count, RESERVE_JOBS_MAX);
    // What serves this machine is told where those that moved are served now.
    const away = runner.group !== null;
    const now = momentOf(this.#clock);
    const attempts = this.#queue.reserve(group, count, runner, now, this.#nextToken, away);
    if (attempts.length > 0)
      this.#persist.afterOrFailing((failed) => {
        if (failed === undefined) this.#send(runner, group, request.id, attempts);
        else this.#takeBack(runner, request, attempts);
      });
    return attempts.length;
  }

  #send(runner: Runner, group: SchedulerGroup, id: number, attempts: readonly Attempt[]): void {
    if (!runner.peer.open) {
      this.#giveBack(attempts);
      return;
    }
    const templates: RunTemplate[] = [];
    const jobs: JobOrder[] = [];
    const fresh = runner.templates.size >= RUNNER_TEMPLATES_MAX;
    if (fresh) runner.templates.clear();
    const monotonicMs = this.#clock.monotonicMs();
    for (const attempt of attempts) {
      try {
        attempt.contactMs = monotonicMs; // The TTR starts when the runner has been given the job.
        jobs.push(this.#order(attempt, runner, templates));
      } catch (error) {
        // Given back it would stand first in its lane for ever, and be handed out again at once.
        this.#queue.unreadable(attempt.token, this.#clock.nowMs());
        this.#persist.note();
        this.#events.unreadable(attempt, error);
      }
    }
    runner.peer.post({
      type: 'jobs',
      id,
      group: group.name,
      templates,
      jobs,
      leave: false,
      ...(fresh ? { fresh } : {}),
    });
  }

  #order(attempt: Attempt, runner: Runner, templates: RunTemplate[]): JobOrder {
    const { number, token } = attempt;
    const { table, segments } = this.#queue;
    const template = this.#queue.templateOf(number);
    const entry = segments.find(number);
    if (entry === undefined) throw new Error(`job ${number} stands in no segment`);
    const segment = this.#segments.get(entry.segment);
    if (!runner.templates.has(template.id)) {
      runner.templates.add(template.id);
      templates.push({ template: template.id, options: template.options });
    }
    return {
      attempt: token,
      key: table.keyHex(number),
      cmd: segment.command(number - entry.first),
      template: template.id,
      delta: segment.delta(number - entry.first),
      ...(attempt.resources === null ? {} : { resources: attempt.resources }),
      attemptsLeft: table.chunkOf(number)?.retriesLeft[rowOf(number)] ?? 0,
      memoryMb: attempt.given.memoryMb,
      timeMs: attempt.given.timeMs,
    };
  }

  /** They could not be written as handed out, so they are not. */
  #takeBack(
    runner: Runner,
    request: Pick<ReserveRequest, 'id' | 'count' | 'group'>,
    attempts: readonly Attempt[],
  ): void {
    this.#giveBack(attempts);
    this.#answerNone(runner.peer, request, false);
  }

  #giveBack(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) this.#queue.release(attempt.token, '', momentOf(this.#clock), 0);
    this.#persist.note();
  }

  #answerNone(peer: Peer, { id, group }: Pick<ReserveRequest, 'id' | 'group'>, leave: boolean): void {
    peer.post({ type: 'jobs', id, group, templates: [], jobs: [], leave });
  }
}
