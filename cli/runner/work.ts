/** The jobs a runner holds: those that wait, those in slots, those whose end it has to tell. */
import { asWrError } from '../../core/errors.ts';
import type { FailReason } from '../../core/fail-reasons.ts';
import type { JobOptions } from '../../core/job-options.ts';
import type {
  AllotPush,
  EndedEvent,
  JobOrder,
  JobsReply,
  TouchedAttempt,
} from '../../core/runner-messages.ts';
import type { ManagerLink } from '../manager-link.ts';
import { Environments } from './environments.ts';
import type { Job } from './execution.ts';
import type { ExecutorPort, SlotPort } from './executor-port.ts';
import { killedBeforeStart } from './finish.ts';
import { Lane, STUCK_MS } from './lane.ts';
import type { Reporter } from './reporter.ts';
import type { RunnerOptions, RunnerWorld } from './runner-options.ts';

/** What happened is gathered for so long while short commands run: each report costs the manager a commit. */
const FLUSH_MS = 25;

export interface WorkEvents {
  link(): ManagerLink | null;
  /** Whether new jobs may be taken. */
  accepts(): boolean;
  /** There is something to tell or to ask for. */
  flushSoon(ms?: number): void;
  /** A command runs, and may do so for long. */
  started(attempt: number): void;
  /** A job is over. */
  over(): void;
  /** A job was given back as too little time is left for it. */
  noTime(): void;
  /** A timer that ends with the runner. */
  after(ms: number, call: () => void): void;
}

export class Work {
  readonly #options: RunnerOptions;
  readonly #world: RunnerWorld;
  readonly #events: WorkEvents;
  readonly #reporter: Reporter;
  readonly #executor: ExecutorPort;
  readonly #environments: Environments;
  readonly #lanes = new Map<string, Lane>();
  readonly #freeSlots: SlotPort[] = [];
  /** Attempts fetched and not ended, by token. */
  readonly #held = new Map<number, Job>();
  /** Held, and to be killed. */
  readonly #killed = new Set<number>();
  /** Held, but not ours any more: their end is no news. */
  readonly #forgotten = new Set<number>();
  readonly #templates = new Map<number, JobOptions>();
  /** Expected time of the last job seen. */
  expectedMs = 0;
  /** Commands that were started and have ended. */
  commands = 0;

  constructor(options: RunnerOptions, world: RunnerWorld, reporter: Reporter, events: WorkEvents) {
    this.#options = options;
    this.#world = world;
    this.#events = events;
    this.#reporter = reporter;
    this.#environments = new Environments(options.ownEnvironment, options.nested);
    this.#executor = world.executor({
      started: (job, pid, startedMs, cwd) => this.#onStarted(job, pid, startedMs, cwd),
      ended: (job, event, slot) => this.#onEnded(job, event, slot),
      returned: (job, slot) => this.#onReturned(job, slot),
    });
  }

  /** Attempts fetched and not ended. */
  get held(): readonly number[] {
    return [...this.#held.keys()];
  }

  holds(attempt: number): boolean {
    return this.#held.has(attempt);
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  get lanes(): Iterable<Lane> {
    return this.#lanes.values();
  }

  usage(attempt: number): TouchedAttempt {
    return this.#executor.usage(attempt) ?? untouched(attempt);
  }

  /** After something failed: of what the executor has let go without a word nobody will ever hear. The manager finds it lost. */
  dropUnheld(): void {
    for (const attempt of this.held) if (this.#executor.usage(attempt) === null) this.#held.delete(attempt);
  }

  /** Ends all that runs, as the runner was told to stop. */
  stop(): void {
    for (const attempt of this.held) this.#executor.kill(attempt, 'signal');
  }

  /** The manager is away: what was asked for will not come. @param release - nothing is allotted any more */
  disconnected(release: boolean): void {
    for (const lane of this.#lanes.values()) {
      lane.requested = 0;
      lane.coming = 0;
      if (release) lane.allotted = 0;
    }
    // Whether the next manager lets them start is for it to say.
    this.giveBackQueued('');
  }

  close(): void {
    this.#executor.close();
  }

  allot(slots: AllotPush['slots']): void {
    const counts = new Map(slots.map(({ group, slots: count }) => [group, count]));
    for (const { group, coming = 0 } of slots) this.lane(group).coming += coming;
    for (const lane of this.#lanes.values()) {
      lane.allotted = counts.get(lane.group) ?? 0;
      if (lane.allotted === 0) this.giveBackQueued('', lane);
      if (lane.allotted === 0 && lane.idle) this.#lanes.delete(lane.group);
      else this.#pump(lane);
    }
  }

  /** Jobs that came with an allotment. */
  takeSent(reply: JobsReply): void {
    const lane = this.lane(reply.group);
    lane.coming = 0;
    this.take(lane, reply);
  }

  /** @param reminder - the manager only repeats itself: what follows a command that was killed is to be let do its work */
  kill(attempts: readonly number[], reminder = false): void {
    for (const attempt of attempts) {
      const job = this.#held.get(attempt);
      if (job === undefined || (reminder && this.#killed.has(attempt))) continue;
      this.#killed.add(attempt);
      if (this.#unqueue(job)) this.#onEnded(job, killedBeforeStart(job, this.#world.now()), null);
      else this.#executor.kill(attempt, 'user');
    }
  }

  /** They were given up, and others took their place. */
  forget(attempts: readonly number[]): void {
    this.#reporter.forget(attempts);
    for (const attempt of attempts) {
      const job = this.#held.get(attempt);
      if (job === undefined) continue;
      if (this.#unqueue(job)) {
        this.#held.delete(attempt);
        continue;
      }
      this.#forgotten.add(attempt);
      this.#executor.kill(attempt, 'forgotten');
    }
  }

  take(lane: Lane, reply: JobsReply): void {
    if (reply.fresh === true) this.#templates.clear();
    for (const { template, options } of reply.templates) this.#templates.set(template, options);
    if (reply.jobs.length === 0 || reply.leave) {
      // Slots without a job have waited long enough; the manager allots again when there is work.
      lane.allotted = reply.leave ? 0 : Math.min(lane.allotted, lane.slots.size + lane.queue.length);
    }
    for (const order of reply.jobs) this.#accept(lane, order);
    this.#pump(lane);
  }

  #accept(lane: Lane, order: JobOrder): void {
    const template = this.#templates.get(order.template);
    if (template === undefined || !this.#events.accepts()) {
      this.#giveBack(order.attempt, '');
      return;
    }
    this.expectedMs = order.timeMs;
    if (this.#world.now() + order.timeMs > this.#options.endMs) {
      this.#giveBack(order.attempt, 'not enough time to run');
      this.#events.noTime();
      return;
    }
    const options = isForRunner(order.delta) ? { ...template, ...order.delta } : template;
    const { attempt, key, attemptsLeft, memoryMb, timeMs } = order;
    // The bytes are a view of the frame.
    const job: Job = {
      attempt,
      group: lane.group,
      key,
      cmd: Buffer.from(order.cmd),
      options,
      arrayIndex: order.delta?.arrayIndex ?? '',
      attemptsLeft,
      resources: order.resources ?? null,
      memoryMb,
      timeMs,
    };
    this.#held.set(attempt, job);
    lane.queue.push(job);
  }

  lane(group: string): Lane {
    let lane = this.#lanes.get(group);
    if (lane === undefined) {
      lane = new Lane(group);
      this.#lanes.set(group, lane);
    }
    return lane;
  }

  /** Starts what can be started. What cannot is not kept waiting behind commands that take long. */
  #pump(lane: Lane): void {
    this.#startReady(lane);
    if (lane.queue.length === 0) return;
    // A request may be answered after its lane was allotted less, and what seemed short may take a day.
    if (lane.stuck) {
      this.giveBackQueued('', lane);
      return;
    }
    if (lane.watched) return;
    lane.watched = true;
    this.#events.after(STUCK_MS, () => {
      lane.watched = false;
      this.#pump(lane);
    });
  }

  #startReady(lane: Lane): void {
    for (let job = lane.queue[0]; job !== undefined; job = lane.queue[0]) {
      const { envId } = job.options;
      const environment = this.#environments.get(envId);
      if (environment === undefined) return void this.#fetchEnvironment(envId);
      if (environment === null) {
        lane.queue.shift();
        this.#onEnded(job, withoutEnvironment(job, this.#world.now()), null);
        continue;
      }
      const slot = lane.free > 0 ? this.#freeSlot(envId) : lane.short ? lane.slotAhead(envId) : undefined;
      if (slot === undefined) return;
      lane.queue.shift();
      lane.taken(slot);
      if (!this.#executor.run(slot, job, environment, lane.bellEvery)) this.#slotGiven(lane, slot);
    }
  }

  #freeSlot(envId: string): SlotPort {
    const same = this.#freeSlots.findLastIndex((slot) => slot.envId === envId);
    const [slot] = this.#freeSlots.splice(same < 0 ? this.#freeSlots.length - 1 : same, 1);
    return slot ?? this.#executor.addSlot();
  }

  #slotGiven(lane: Lane, slot: SlotPort): void {
    if (lane.given(slot)) this.#freeSlots.push(slot);
  }

  async #fetchEnvironment(envId: string): Promise<void> {
    const link = this.#events.link();
    if (link === null) return;
    try {
      if (!(await this.#environments.fetch(link, envId))) return;
    } catch (error) {
      this.#world.log(`an environment could not be fetched: ${asWrError(error).message}`);
      for (const lane of this.#lanes.values()) {
        for (const job of lane.queue.filter(({ options }) => options.envId === envId)) {
          this.#unqueue(job);
          this.#held.delete(job.attempt);
          this.#giveBack(job.attempt, 'failed to get environment variables');
        }
      }
    }
    for (const lane of this.#lanes.values()) this.#pump(lane);
  }

  #onStarted(job: Job, pid: number, startedMs: number, cwd: string): void {
    if (this.#forgotten.has(job.attempt)) return;
    this.#reporter.add({ event: 'started', attempt: job.attempt, pid, startedMs, cwd }, this.#world.now());
    this.#events.flushSoon(FLUSH_MS);
    this.#events.started(job.attempt);
  }

  #onEnded(job: Job, event: EndedEvent, slot: SlotPort | null): void {
    const { attempt } = job;
    this.#held.delete(attempt);
    this.#killed.delete(attempt);
    if (!this.#forgotten.delete(attempt)) this.#reporter.add(event, this.#world.now());
    if (event.startedMs > 0) this.commands += 1;
    const lane = this.lane(job.group);
    if (slot !== null) {
      if (event.startedMs > 0) lane.noteDuration(event.endedMs - event.startedMs);
      this.#slotGiven(lane, slot);
      this.#pump(lane);
    }
    this.#events.flushSoon(lane.short && lane.queue.length > 0 ? FLUSH_MS : 0);
    this.#events.over();
  }

  #onReturned(job: Job, slot: SlotPort): void {
    const lane = this.lane(job.group);
    this.#slotGiven(lane, slot);
    if (this.#forgotten.delete(job.attempt)) this.#held.delete(job.attempt);
    else if (!this.#events.accepts() || lane.allotted === 0 || this.#events.link() === null) {
      this.#held.delete(job.attempt);
      this.#giveBack(job.attempt, '');
    } else lane.queue.unshift(job);
    this.#pump(lane);
  }

  #unqueue(job: Job): boolean {
    const queue = this.#lanes.get(job.group)?.queue ?? [];
    const at = queue.indexOf(job);
    if (at >= 0) queue.splice(at, 1);
    return at >= 0;
  }

  giveBackQueued(reason: FailReason, only?: Lane): void {
    for (const lane of only === undefined ? this.#lanes.values() : [only]) {
      for (const job of lane.queue.splice(0)) {
        this.#held.delete(job.attempt);
        this.#giveBack(job.attempt, reason);
      }
    }
  }

  #giveBack(attempt: number, reason: FailReason): void {
    this.#reporter.add({ event: 'released', attempt, reason }, this.#world.now());
    this.#events.flushSoon();
  }
}

/** Whether it says anything that matters where a command runs: what is the template's own is prepared once. */
function isForRunner(delta: JobOrder['delta']): boolean {
  return delta !== null && (delta.cwd !== undefined || delta.env !== undefined);
}

function untouched(attempt: number): TouchedAttempt {
  return {
    attempt,
    peakRamMb: 0,
    peakDiskMb: 0,
    cpuMs: 0,
    stdout: new Uint8Array(0),
    stderr: new Uint8Array(0),
  };
}

function withoutEnvironment(job: Job, nowMs: number): EndedEvent {
  const reason: FailReason = 'failed to get environment variables';
  return {
    ...killedBeforeStart(job, nowMs),
    reason,
    stderr: Buffer.from('the environment captured with the command is not known any more'),
  };
}
