/**
 * A runner's life: it asks the manager for jobs, has them run, and reports how they ended (spec: runner.md §2, §3.8).
 *
 * ```
 *            allot, kill, leave                      run, kill
 *  manager ◄────────────────────► runner ──────────────────────► executor
 *            reserve, report, touch   ◄── started, ended, returned ──
 * ```
 *
 * A trivial job costs no round trip of its own: jobs known to be short are fetched several at once, ends are reported
 * together, and the next request travels in the same frame. The commands of a manager that went away run on; their ends
 * are kept, and offered again until someone acknowledges them.
 */
import { asWrError } from '../../core/errors.ts';
import type { FailReason } from '../../core/fail-reasons.ts';
import type { JobOptions } from '../../core/job-options.ts';
import type {
  EndedEvent,
  JobOrder,
  JobsReply,
  Reply,
  RunnerHello,
  TouchedAttempt,
} from '../../core/protocol.ts';
import type { Ask, ManagerLink } from '../manager-link.ts';
import { Environments } from './environments.ts';
import type { Job } from './execution.ts';
import type { ExecutorPort, SlotPort } from './executor-port.ts';
import { killedBeforeStart } from './finish.ts';
import { Lane, STUCK_MS } from './lane.ts';
import { Reporter } from './reporter.ts';
import type { RunnerEnd, RunnerOptions, RunnerWorld } from './runner-options.ts';
import { RECONNECT_MS, Session, unexpected } from './session.ts';

/** What happened is gathered for so long while short commands run: each report costs the manager a commit. */
const FLUSH_MS = 25;
const RECOVERING_MS = 1_000;
/** How long a runner that was told to stop tries to report before it goes. */
const STOP_MS_MAX = 10_000;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #world: RunnerWorld;
  readonly #executor: ExecutorPort;
  readonly #reporter = new Reporter();
  readonly #lanes = new Map<string, Lane>();
  readonly #freeSlots: SlotPort[] = [];
  /** Attempts fetched and not ended, by token. */
  readonly #held = new Map<number, Job>();
  /** Held, but not ours any more: their end is no news. */
  readonly #forgotten = new Set<number>();
  readonly #templates = new Map<number, JobOptions>();
  readonly #environments: Environments;
  readonly #session: Session;
  readonly #done: Promise<RunnerEnd>;
  #resolveDone: (end: RunnerEnd) => void = () => undefined;
  #commands = 0;
  #flushing: (() => void) | null = null;
  #idling: (() => void) | null = null;
  /** What cancels each timer that waits. */
  readonly #timers = new Set<() => void>();
  /** No report before this; Unix ms. */
  #pauseMs = 0;
  #leaving: string | null = null;
  #ended = false;

  constructor(options: RunnerOptions, world: RunnerWorld) {
    this.#options = options;
    this.#world = world;
    this.#done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
    this.#executor = world.executor({
      started: (job, pid, startedMs, cwd) => this.#onStarted(job, pid, startedMs, cwd),
      ended: (job, event, slot) => this.#onEnded(job, event, slot),
      returned: (job, slot) => this.#onReturned(job, slot),
    });
    this.#environments = new Environments(options.ownEnvironment, options.nested);
    this.#session = new Session(world, (ms, call) => void this.#after(ms, call), {
      hello: () => this.#hello(),
      welcome: (superseded) => this.#forget(superseded),
      pushed: (message) => this.#onPush(message),
      lost: () => this.#onLost(),
      back: () => {
        this.#flushSoon();
        this.#considerLeaving();
      },
      goOn: () => this.#stillWaits(),
    });
  }

  /**
   * Serves until there is no more to do.
   * @throws {WrError} when the manager cannot be reached at the start
   */
  async run(): Promise<RunnerEnd> {
    try {
      await this.#session.open();
      const { group, slots } = this.#options;
      if (group !== null) this.#lane(group).allotted = slots;
      this.#touchLater();
      this.#flushSoon();
      this.#considerLeaving();
      return await this.#done;
    } finally {
      this.#ended = true;
      for (const cancel of this.#timers) cancel();
      this.#session.close();
      this.#executor.close();
    }
  }

  /** A signal to the runner: everything is ended and given back, then it leaves. */
  stop(): void {
    if (this.#ended) return;
    this.#leave('we received a signal to stop', 'runner received a signal to stop');
    for (const attempt of this.#held.keys()) this.#executor.kill(attempt, 'signal');
    this.#after(STOP_MS_MAX, () => this.#finish());
  }

  // ------------------------------------------------------------ the manager

  #hello(): Omit<RunnerHello, 'type' | 'id'> {
    const { runnerId, host, ip, pid, group } = this.#options;
    return { runnerId, host, ip, pid, group, holding: [...this.#held.keys(), ...this.#reporter.over] };
  }

  /** @returns whether to look for it */
  #onLost(): boolean {
    this.#reporter.failed();
    for (const lane of this.#lanes.values()) lane.requested = 0;
    // Whether the next manager lets them start is for it to say.
    this.#giveBackQueued('');
    if (this.#options.group === null) for (const lane of this.#lanes.values()) lane.allotted = 0;
    else this.#leaving ??= 'we reconnected to a new server';
    if (this.#holdsAnything) return true;
    this.#leaving ??= 'the manager went away';
    this.#finish();
    return false;
  }

  get #holdsAnything(): boolean {
    return this.#held.size > 0 || this.#reporter.over.size > 0;
  }

  /** The manager is still away. @returns whether there still is something to tell it */
  #stillWaits(): boolean {
    for (const attempt of this.#reporter.expire(this.#world.now())) {
      this.#world.log(
        `attempt ${attempt} could not be reported for a day; its command will need to be rerun`,
      );
    }
    if (this.#holdsAnything) return true;
    this.#finish();
    return false;
  }

  #onPush(message: Reply): void {
    switch (message.type) {
      case 'allot':
        this.#allot(new Map(message.slots.map(({ group, slots }) => [group, slots])));
        break;
      case 'kill':
        this.#kill(message.attempts);
        break;
      case 'leave':
        this.#leave('the manager said so', '');
        break;
      default:
        break; // Meant for clients that add.
    }
  }

  #allot(slots: ReadonlyMap<string, number>): void {
    if (this.#leaving !== null) return;
    for (const group of slots.keys()) this.#lane(group);
    for (const lane of this.#lanes.values()) {
      lane.allotted = slots.get(lane.group) ?? 0;
      if (lane.allotted === 0) this.#giveBackQueued('', lane);
      if (lane.allotted === 0 && lane.idle) this.#lanes.delete(lane.group);
      else this.#pump(lane);
    }
    this.#flushSoon();
    this.#considerLeaving();
  }

  #kill(attempts: readonly number[]): void {
    for (const attempt of attempts) {
      const job = this.#held.get(attempt);
      if (job === undefined) continue;
      if (this.#unqueue(job)) this.#onEnded(job, killedBeforeStart(job, this.#world.now()), null);
      else this.#executor.kill(attempt, 'user');
    }
  }

  /** They were given up, and others took their place. */
  #forget(attempts: readonly number[]): void {
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

  /** A timer that does not outlive the runner. */
  #after(ms: number, call: () => void): () => void {
    const stop = this.#world.after(ms, () => {
      this.#timers.delete(cancel);
      call();
    });
    const cancel = (): void => {
      stop();
      this.#timers.delete(cancel);
    };
    this.#timers.add(cancel);
    return cancel;
  }

  // ------------------------------------------------------------ asking and telling

  #flushSoon(ms = 0): void {
    if (this.#ended || this.#flushing !== null) return;
    this.#flushing = this.#after(ms, () => {
      this.#flushing = null;
      this.#flush();
    });
  }

  /** Everything there is to say, in one frame. */
  #flush(): void {
    const link = this.#session.link;
    if (link === null || this.#ended) return;
    const asks: Ask[] = [];
    const answers: ((reply: Promise<Reply>) => void)[] = [];
    if (this.#reporter.waiting && !this.#reporter.busy && this.#world.now() >= this.#pauseMs) {
      const events = this.#reporter.take();
      if (events.length > 0) {
        asks.push({ type: 'report', events });
        answers.push((reply) => void this.#reported(link, reply));
      }
    }
    for (const lane of this.#lanes.values()) {
      const count = this.#mayReserve() ? lane.wanted : 0;
      if (count === 0) continue;
      lane.requested = count;
      asks.push({ type: 'reserve', group: lane.group, count, waitMs: this.#options.reserveTimeoutMs });
      answers.push((reply) => void this.#reserved(link, lane, reply));
    }
    if (asks.length === 0) return;
    const replies = link.askAll(asks);
    for (const [index, answer] of answers.entries()) answer(replies[index] as Promise<Reply>);
  }

  #mayReserve(): boolean {
    if (this.#leaving !== null) return false;
    if (this.#world.now() + this.#expectedMs <= this.#options.endMs) return true;
    this.#leave("we're about to hit our maximum time limit", '');
    return false;
  }

  /** Expected time of the last job seen. */
  #expectedMs = 0;

  async #reported(link: ManagerLink, answer: Promise<Reply>): Promise<void> {
    try {
      const reply = await answer;
      if (this.#session.link !== link) return;
      if (reply.type !== 'reported') throw unexpected(reply);
      this.#reporter.acknowledged();
      this.#forget(reply.superseded);
    } catch (thrown) {
      if (this.#session.link !== link) return;
      const error = asWrError(thrown);
      this.#reporter.failed();
      this.#world.log(`a report was not taken: ${error.message}`);
      if (error.code === 'TIMED_OUT') return link.close();
      const waitMs = error.code === 'RECOVERING' ? RECOVERING_MS : RECONNECT_MS;
      this.#pauseMs = this.#world.now() + waitMs;
      this.#after(waitMs, () => this.#flushSoon());
      return;
    }
    if (this.#reporter.waiting) this.#flushSoon();
    this.#considerLeaving();
  }

  async #reserved(link: ManagerLink, lane: Lane, answer: Promise<Reply>): Promise<void> {
    try {
      const reply = await answer;
      if (this.#session.link !== link) return;
      lane.requested = 0;
      if (reply.type !== 'jobs') throw unexpected(reply);
      this.#take(lane, reply);
    } catch (thrown) {
      if (this.#session.link !== link) return;
      lane.requested = 0;
      const error = asWrError(thrown);
      this.#world.log(`no job could be reserved: ${error.message}`);
      if (error.code === 'TIMED_OUT') return link.close();
      lane.allotted = lane.slots.size;
    }
    this.#flushSoon();
    this.#considerLeaving();
  }

  #take(lane: Lane, reply: JobsReply): void {
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
    if (template === undefined || this.#leaving !== null) {
      this.#giveBack(order.attempt, '');
      return;
    }
    this.#expectedMs = order.timeMs;
    if (this.#world.now() + order.timeMs > this.#options.endMs) {
      this.#giveBack(order.attempt, 'not enough time to run');
      this.#leave("we're about to hit our maximum time limit", '');
      return;
    }
    const options = order.delta === null ? template : { ...template, ...order.delta };
    const { attempt, key, attemptsLeft, memoryMb, timeMs } = order;
    // The bytes are a view of the frame.
    const job: Job = {
      attempt,
      group: lane.group,
      key,
      cmd: Buffer.from(order.cmd),
      options,
      attemptsLeft,
      memoryMb,
      timeMs,
    };
    this.#held.set(attempt, job);
    lane.queue.push(job);
  }

  // ------------------------------------------------------------ running

  #lane(group: string): Lane {
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
      this.#giveBackQueued('', lane);
      return;
    }
    if (lane.watched) return;
    lane.watched = true;
    this.#after(STUCK_MS, () => {
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
    const link = this.#session.link;
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
    this.#flushSoon(FLUSH_MS);
  }

  #onEnded(job: Job, event: EndedEvent, slot: SlotPort | null): void {
    const { attempt } = job;
    this.#held.delete(attempt);
    if (!this.#forgotten.delete(attempt)) this.#reporter.add(event, this.#world.now());
    if (event.startedMs > 0) this.#commands += 1;
    const lane = this.#lane(job.group);
    if (slot !== null) {
      if (event.startedMs > 0) lane.noteDuration(event.endedMs - event.startedMs);
      this.#slotGiven(lane, slot);
      this.#pump(lane);
    }
    this.#flushSoon(lane.short && lane.queue.length > 0 ? FLUSH_MS : 0);
    if (this.#leaving !== null) this.#considerLeaving();
  }

  #onReturned(job: Job, slot: SlotPort): void {
    const lane = this.#lane(job.group);
    this.#slotGiven(lane, slot);
    if (this.#forgotten.delete(job.attempt)) this.#held.delete(job.attempt);
    else if (this.#leaving !== null || lane.allotted === 0 || this.#session.link === null) {
      this.#held.delete(job.attempt);
      this.#giveBack(job.attempt, '');
    } else lane.queue.unshift(job);
    this.#pump(lane);
  }

  // ------------------------------------------------------------ giving back and leaving

  #unqueue(job: Job): boolean {
    const queue = this.#lanes.get(job.group)?.queue ?? [];
    const at = queue.indexOf(job);
    if (at >= 0) queue.splice(at, 1);
    return at >= 0;
  }

  #giveBackQueued(reason: FailReason, only?: Lane): void {
    for (const lane of only === undefined ? this.#lanes.values() : [only]) {
      for (const job of lane.queue.splice(0)) {
        this.#held.delete(job.attempt);
        this.#giveBack(job.attempt, reason);
      }
    }
  }

  #giveBack(attempt: number, reason: FailReason): void {
    this.#reporter.add({ event: 'released', attempt, reason }, this.#world.now());
    this.#flushSoon();
  }

  /** Takes no more; goes when the last end has been acknowledged. */
  #leave(because: string, reason: FailReason): void {
    this.#leaving ??= because;
    this.#giveBackQueued(reason);
    this.#considerLeaving();
  }

  #considerLeaving(): void {
    this.#idling?.();
    this.#idling = null;
    if (this.#held.size > 0 || !this.#reporter.empty) return;
    if (this.#leaving !== null) {
      this.#finish();
      return;
    }
    if ([...this.#lanes.values()].some((lane) => lane.allotted > 0 || !lane.idle)) return;
    if (this.#options.group !== null) {
      this.#finish();
      return;
    }
    this.#idling = this.#after(this.#options.reserveTimeoutMs, () => this.#finish());
  }

  #finish(): void {
    const { group } = this.#options;
    const dry =
      group === null
        ? 'there are no more commands for this host'
        : `there are no more commands in scheduler group '${group}'`;
    this.#resolveDone({ commands: this.#commands, because: this.#leaving ?? dry });
  }

  // ------------------------------------------------------------ touching

  #touchLater(): void {
    this.#after(this.#session.touchMs, () => {
      this.#touchLater();
      void this.#touch();
    });
  }

  async #touch(): Promise<void> {
    const link = this.#session.link;
    const attempts = [...this.#held.keys(), ...this.#reporter.over].map(
      (attempt) => this.#executor.usage(attempt) ?? untouched(attempt),
    );
    if (link === null || attempts.length === 0) return;
    try {
      const reply = await link.ask({ type: 'touch', attempts });
      if (reply.type === 'touched') this.#kill(reply.kill);
    } catch (error) {
      this.#world.log(`a touch failed: ${asWrError(error).message}`);
    }
  }
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
