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
import type { Reply } from '../../core/protocol.ts';
import type { AllotPush, RunnerHello } from '../../core/runner-messages.ts';
import type { Ask, ManagerLink } from '../manager-link.ts';
import type { Lane } from './lane.ts';
import { Reporter } from './reporter.ts';
import type { RunnerEnd, RunnerOptions, RunnerWorld } from './runner-options.ts';
import { RECONNECT_MS, Session, unexpected } from './session.ts';
import { Work } from './work.ts';

const RECOVERING_MS = 1_000;
/** After this, and then with all others, the manager is told how a command fares. */
const FIRST_TOUCH_MS = 2_000;
/** How long a runner that was told to stop tries to report before it goes. */
const STOP_MS_MAX = 10_000;
const OUT_OF_TIME = "we're about to hit our maximum time limit";

export class Runner {
  readonly #options: RunnerOptions;
  readonly #world: RunnerWorld;
  readonly #reporter = new Reporter();
  readonly #work: Work;
  readonly #session: Session;
  readonly #done: Promise<RunnerEnd>;
  #resolveDone: (end: RunnerEnd) => void = () => undefined;
  #flushing: (() => void) | null = null;
  #flushAtMs = 0;
  #idling: (() => void) | null = null;
  /** What cancels each timer that waits. */
  readonly #timers = new Set<() => void>();
  /** Attempts whose commands have just begun. */
  readonly #fresh: number[] = [];
  /** No report before this; Unix ms. */
  #pauseMs = 0;
  #leaving: string | null = null;
  #hasFailed = false;
  #ended = false;

  constructor(options: RunnerOptions, world: RunnerWorld) {
    this.#options = options;
    this.#world = world;
    this.#done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
    this.#work = new Work(options, world, this.#reporter, {
      link: () => this.#session.link,
      accepts: () => this.#leaving === null,
      flushSoon: (ms) => this.#flushSoon(ms),
      started: (attempt) => this.#touchSoon(attempt),
      over: () => {
        if (this.#leaving !== null) this.#considerLeaving();
      },
      noTime: () => this.#leave(OUT_OF_TIME, ''),
      after: (ms, call) => void this.#after(ms, call),
    });
    this.#session = new Session(world, (ms, call) => void this.#after(ms, call), {
      hello: () => this.#hello(),
      welcome: (superseded) => this.#welcomed(superseded),
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
      if (group !== null) this.#work.lane(group).allotted = slots;
      this.#touchLater();
      this.#flushSoon();
      this.#considerLeaving();
      return await this.#done;
    } finally {
      this.#ended = true;
      for (const cancel of this.#timers) cancel();
      this.#session.close();
      this.#work.close();
    }
  }

  /** A signal to the runner: everything is ended and given back, then it leaves. */
  stop(): void {
    if (this.#ended) return;
    this.#leave('we received a signal to stop', 'runner received a signal to stop');
    this.#work.stop();
    this.#after(STOP_MS_MAX, () => this.#finish());
  }

  /**
   * Something failed that nobody foresaw: takes no more, and goes once what runs has ended and is told, for nobody else knows of
   * it. Another runner is started after this one.
   */
  failed(): void {
    if (this.#ended) return;
    this.#hasFailed = true;
    this.#leave('something failed that nobody foresaw', '');
  }

  // ------------------------------------------------------------ the manager

  #hello(): Omit<RunnerHello, 'type' | 'id'> {
    const { runnerId, host, ip, pid, birth, group } = this.#options;
    return { runnerId, host, ip, pid, birth, group, holding: [...this.#work.held, ...this.#reporter.over] };
  }

  /**
   * What is over is told even so, and forgotten only with the answer to that: the manager may have heard of it before, and not
   * have it on disk yet.
   */
  #welcomed(superseded: readonly number[]): void {
    const { over } = this.#reporter;
    this.#work.forget(superseded.filter((attempt) => !over.has(attempt)));
  }

  /** @returns whether to look for it */
  #onLost(): boolean {
    this.#reporter.failed();
    this.#work.disconnected(this.#options.group === null);
    if (this.#options.group !== null) this.#leaving ??= 'we reconnected to a new server';
    if (this.#holdsAnything) return true;
    this.#leaving ??= 'the manager went away';
    this.#finish();
    return false;
  }

  get #holdsAnything(): boolean {
    return !this.#work.isEmpty || this.#reporter.over.size > 0;
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
        this.#allot(message);
        break;
      case 'jobs': // Sent with an allotment, without having been asked for.
        this.#work.takeSent(message);
        this.#flushSoon();
        break;
      case 'kill':
        this.#work.kill(message.attempts);
        break;
      case 'leave':
        this.#leave('the manager said so', '');
        break;
      default:
        break; // Meant for clients that add.
    }
  }

  #allot({ slots }: AllotPush): void {
    if (this.#leaving !== null) return;
    this.#work.allot(slots);
    this.#flushSoon();
    this.#considerLeaving();
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

  /** Within `ms`; what may wait goes along with what may not. */
  #flushSoon(ms = 0): void {
    const atMs = this.#world.now() + ms;
    if (this.#ended || (this.#flushing !== null && this.#flushAtMs <= atMs)) return;
    this.#flushing?.();
    this.#flushAtMs = atMs;
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
    for (const lane of this.#work.lanes) {
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
    if (this.#world.now() + this.#work.expectedMs <= this.#options.endMs) return true;
    this.#leave(OUT_OF_TIME, '');
    return false;
  }

  async #reported(link: ManagerLink, answer: Promise<Reply>): Promise<void> {
    try {
      const reply = await answer;
      if (this.#session.link !== link) return;
      if (reply.type !== 'reported') throw unexpected(reply);
      for (const { at, why } of reply.refused ?? [])
        this.#world.log(`the manager cannot take what became of attempt ${this.#reporter.told(at)}: ${why}`);
      this.#reporter.acknowledged();
      this.#work.forget(reply.superseded);
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
      this.#work.take(lane, reply);
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

  // ------------------------------------------------------------ giving back and leaving

  /** Takes no more; goes when the last end has been acknowledged. */
  #leave(because: string, reason: FailReason): void {
    this.#leaving ??= because;
    this.#work.giveBackQueued(reason);
    this.#considerLeaving();
  }

  #considerLeaving(): void {
    this.#idling?.();
    this.#idling = null;
    if (!this.#work.isEmpty || !this.#reporter.empty) return;
    if (this.#leaving !== null) {
      this.#finish();
      return;
    }
    if ([...this.#work.lanes].some((lane) => lane.allotted > 0 || !lane.idle)) return;
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
    this.#resolveDone({ commands: this.#work.commands, because: this.#leaving ?? dry });
  }

  // ------------------------------------------------------------ touching

  #touchLater(): void {
    this.#after(this.#session.touchMs, () => {
      this.#touchLater();
      if (this.#hasFailed) this.#dropUnheld();
      void this.#touch([...this.#work.held, ...this.#reporter.over]);
    });
  }

  #dropUnheld(): void {
    this.#work.dropUnheld();
    this.#considerLeaving();
  }

  /** Who looks at a command that has just begun wants to see what it does; those that are over by then cost nothing. */
  #touchSoon(attempt: number): void {
    this.#fresh.push(attempt);
    if (this.#fresh.length > 1) return;
    this.#after(FIRST_TOUCH_MS, () => {
      void this.#touch(this.#fresh.splice(0).filter((each) => this.#work.holds(each)));
    });
  }

  async #touch(held: readonly number[]): Promise<void> {
    const link = this.#session.link;
    const attempts = held.map((attempt) => this.#work.usage(attempt));
    if (link === null || attempts.length === 0) return;
    try {
      const reply = await link.ask({ type: 'touch', attempts });
      if (reply.type === 'touched') this.#work.kill(reply.kill, true);
    } catch (error) {
      this.#world.log(`a touch failed: ${asWrError(error).message}`);
    }
  }
}
