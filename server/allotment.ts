/**
 * Which scheduler groups the local machine serves, with how many slots each: planned in a worker from counts, pushed to
 * the host runner, and asked of the scheduler as demand. Plans follow changes, never the backlog.
 */
import { asWrError } from '../core/errors.ts';
import type { JobQueue } from '../core/job-queue.ts';
import { ALL_IN_USE } from '../core/plan-table.ts';
import { TURN_MS } from '../core/plan-turns.ts';
import type { SchedulerGroup } from '../core/scheduler-groups.ts';
import type { PlanResult } from '../workers/plan.ts';
import { type Clock, Slices } from './clock.ts';
import type { Log } from './log.ts';
import { passOn } from './pass-on.ts';
import type { Persist } from './persist.ts';
import type { Runner } from './runner-desk.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { Tasks } from './tasks.ts';
import { whyNever } from './why-never.ts';

/** Between two plans: what happens meanwhile belongs to the next. Cut short when a slot would stand idle. */
const GAP_MS = 20;
/** With nothing changing, demand is looked at again so often (manager.md §7). */
const RECHECK_MS = 60_000;
const RETRY_MS = 1_000;
/** Jobs buried between two looks at the clock. */
const BURY_STEP = 250;
/** More changes in one transaction would hold up what others wait for. */
const CHANGES_MAX = 1_000;

/** Somebody paused or drains the manager, or nothing can be written, so that nothing may be handed out. */
type Pause = 'asked' | 'unwritable';

export class Allotment {
  readonly #queue: JobQueue;
  readonly #tasks: Tasks;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #log: Log;
  readonly #persist: Persist;
  readonly #handOut: (runner: Runner, group: SchedulerGroup, count: number) => number;
  readonly #runners = new Map<string, Runner>();
  /** Slots by group as last pushed. */
  #allotted: ReadonlyMap<SchedulerGroup, number> = new Map();
  /** Who the last plan said comes next. */
  #next: SchedulerGroup[] = [];
  /** The last plan was carried out, and no other is being made. */
  #between = false;
  #planning = false;
  #again = false;
  #waiting = false;
  #closed = false;
  /** Why nothing more is to start. */
  readonly #pauses = new Set<Pause>();
  #recheck: () => void = () => undefined;
  #endGap: () => void = () => undefined;
  #recheckMs = RECHECK_MS;

  constructor(options: {
    readonly queue: JobQueue;
    readonly tasks: Tasks;
    readonly clock: Clock;
    readonly scheduler: Scheduler;
    readonly log: Log;
    readonly persist: Persist;
    /** Hands jobs to a runner that has not asked for them yet. @returns how many */
    readonly handOut: (runner: Runner, group: SchedulerGroup, count: number) => number;
  }) {
    this.#queue = options.queue;
    this.#tasks = options.tasks;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler;
    this.#log = options.log;
    this.#persist = options.persist;
    this.#handOut = options.handOut;
  }

  /** Slots a group was given last, and how many runners serve what they are given. */
  allotted(group: SchedulerGroup): { readonly slots: number; readonly runners: number } {
    return { slots: this.#allotted.get(group) ?? 0, runners: this.#runners.size };
  }

  /** Whether slots are given to a group, or were with the last plan. */
  has(group: SchedulerGroup): boolean {
    return this.#allotted.has(group);
  }

  /** A runner of this machine came or went. */
  hostRunner(runner: Runner, connected: boolean): void {
    if (connected) {
      this.#runners.set(runner.runnerId, runner);
      this.#scheduler.runnerConnected(runner.pid);
      this.#pushAll();
    } else {
      this.#runners.delete(runner.runnerId);
      this.#scheduler.runnerGone(runner.pid);
    }
    this.changed();
  }

  /** Jobs became ready, or attempts ended: what was planned may be out of date. */
  changed(): void {
    if (this.#closed || this.#paused) return;
    if (this.#planning) {
      this.#again = true;
      if (this.#between && this.#isSlotIdle()) this.#passOn();
      if (this.#isSlotIdle()) this.#endGap();
    } else if (!this.#waiting) {
      this.#waiting = true;
      void this.#clock.turn().then(() => {
        this.#waiting = false;
        void this.#run();
      });
    }
  }

  /** Nothing more is to start, or is again once no reason is left. What runs goes on. */
  pause(paused: boolean, why: Pause = 'asked'): void {
    const was = this.#paused;
    if (paused) this.#pauses.add(why);
    else this.#pauses.delete(why);
    if (this.#closed || was === this.#paused) return;
    if (!this.#paused) {
      this.changed();
      return;
    }
    this.#recheck();
    this.#allotted = new Map();
    this.#pushAll();
    this.#scheduler.schedule([]);
  }

  get #paused(): boolean {
    return this.#pauses.size > 0;
  }

  /** No more demand: what waits is dropped. */
  close(): void {
    this.#closed = true;
    this.#recheck();
    this.#scheduler.schedule([]);
  }

  async #run(): Promise<void> {
    if (this.#planning || this.#closed || this.#paused) return;
    this.#planning = true;
    this.#recheck();
    const startMs = this.#clock.monotonicMs();
    try {
      await this.#plan();
      this.#between = true;
      await this.#gap(this.#clock.monotonicMs() - startMs);
    } catch (error) {
      // The pool ends with the manager, and this may hear of the one before the other.
      if (this.#closed || asWrError(error).code === 'STOPPING') return;
      this.#log.error('planning failed; trying again', { error: asWrError(error).message });
      this.#again = true;
      await this.#wait(RETRY_MS);
    }
    this.#between = false;
    this.#planning = false;
    if (this.#again) {
      this.#again = false;
      this.changed();
    } else if (this.#queue.groups.active.size > 0)
      this.#recheck = this.#clock.after(this.#recheckMs, () => this.changed());
  }

  /** @param tookMs - the plan: no more than half of the time goes into plans */
  async #gap(tookMs: number): Promise<void> {
    await this.#wait(Math.min(tookMs, GAP_MS));
    if (!(this.#again && this.#isSlotIdle())) await this.#wait(Math.max(0, GAP_MS - tookMs), true);
  }

  #wait(ms: number, mayEnd = false): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      if (!mayEnd) return;
      this.#endGap = () => {
        cancel();
        resolve();
      };
    });
  }

  /** What was allotted is used up, and other groups may wait for it. */
  #isSlotIdle(): boolean {
    return [...this.#allotted].some(([group, slots]) => group.held < slots && group.ready.ready === 0);
  }

  #passOn(): void {
    if (this.#paused || this.#runners.size !== 1) return;
    const allotted = new Map(this.#allotted);
    const nowMs = this.#clock.nowMs();
    const room = (group: SchedulerGroup): number => this.#queue.groups.room(group, nowMs);
    const passed = passOn({ allotted, next: this.#next, room });
    if (passed.size === 0) return;
    this.#keepInTable(allotted);
    this.#allotted = allotted;
    const [runner] = this.#runners.values();
    const coming = new Map<SchedulerGroup, number>();
    for (const [group, slots] of passed) coming.set(group, this.#handOut(runner as Runner, group, slots));
    this.#pushAll(coming);
  }

  async #plan(): Promise<void> {
    const { groups } = this.#queue;
    groups.reuseIds();
    const result = await this.#tasks.plan({
      how: 'pack',
      capacity: this.#scheduler.capacity,
      table: groups.table.view,
      nowMs: this.#clock.nowMs(),
    });
    if (this.#closed || this.#paused) return;
    this.#apply(result);
    for (const id of result.impossible) {
      const group = groups.known(id);
      if (group !== undefined) await this.#buryImpossible(group);
    }
  }

  #apply(result: PlanResult): void {
    const allotted = new Map<SchedulerGroup, number>();
    result.ids.forEach((id, i) => {
      const group = this.#queue.groups.known(id);
      if (group !== undefined) allotted.set(group, result.slots[i] as number);
    });
    this.#next = result.contested ? [] : this.#known(result.next);
    this.#keepInTable(allotted);
    const same = sameSlots(allotted, this.#allotted);
    this.#allotted = allotted;
    // A runner whose request came up empty uses fewer slots than it was given: it is told again when there is work for them.
    const idle = [...allotted].some(([group, slots]) => group.ready.ready > 0 && group.held < slots);
    const apart = this.#runners.size > 1;
    if (!same || idle || apart) this.#pushAll();
    this.#recheckMs = result.contested ? this.#turnLeftMs() : RECHECK_MS;
    this.#scheduler.schedule(
      [...allotted].map(([group, count]) => ({
        group: group.name,
        count,
        priority: Math.max(0, group.ready.priority),
        memoryMb: group.memoryMb,
        cpus: group.cpus,
        timeMs: group.timeMs,
        other: group.other,
      })),
    );
  }

  #known(ids: Uint32Array): SchedulerGroup[] {
    return [...ids].flatMap((id) => this.#queue.groups.known(id) ?? []);
  }

  /**
   * What the next plan has to know of this one. An allotment that was lowered is still in use until attempts end. (A runner
   * may hold more attempts than it has slots, sent ahead because they are short; they use nothing yet.)
   */
  #keepInTable(allotted: ReadonlyMap<SchedulerGroup, number>): void {
    const { table, holding } = this.#queue.groups;
    for (const group of this.#allotted.keys()) {
      // Whatever it holds later was given to it later.
      if (group.held === 0 && !allotted.has(group)) table.allot(group.id, 0, ALL_IN_USE);
    }
    for (const group of holding) {
      const slots = allotted.get(group) ?? 0;
      const inUse = table.inUse(group.id) === ALL_IN_USE ? slots : table.inUse(group.id);
      table.allot(group.id, slots, Math.max(slots, Math.min(group.held, inUse)));
    }
    const nowMs = this.#clock.nowMs();
    for (const [group, slots] of allotted) {
      const starts = slots > group.held;
      if (starts && group.shares && nowMs - table.turnMs(group.id) >= TURN_MS)
        table.beginTurn(group.id, nowMs);
      if (group.held === 0) table.allot(group.id, slots, slots);
    }
  }

  /** Until someone's turn is over for whom others wait. */
  #turnLeftMs(): number {
    const nowMs = this.#clock.nowMs();
    let leftMs = RECHECK_MS;
    for (const group of this.#allotted.keys()) {
      const endMs = this.#queue.groups.table.turnMs(group.id) + TURN_MS;
      if (group.shares && endMs > nowMs) leftMs = Math.min(leftMs, endMs - nowMs);
    }
    return leftMs;
  }

  /**
   * Tells every runner of this machine what to serve. One of them, the latest, is given the slots; what others hold, or
   * one that is away or dead, is taken off. Those others only finish what they have.
   * @param coming - jobs that are on their way to it already
   */
  #pushAll(coming?: ReadonlyMap<SchedulerGroup, number>): void {
    const runners = [...this.#runners.values()];
    const serving = runners.pop();
    for (const runner of runners) runner.peer.post({ type: 'allot', slots: [] });
    if (serving === undefined) return;
    const elsewhere = new Map<number, number>();
    for (const { runnerId, group } of this.#queue.attempts.all()) {
      if (runnerId !== serving.runnerId) elsewhere.set(group, (elsewhere.get(group) ?? 0) + 1);
    }
    const slots = [...this.#allotted]
      .map(([group, count]) => ({
        group: group.name,
        slots: count - (elsewhere.get(group.id) ?? 0),
        ...(coming?.has(group) ? { coming: coming.get(group) ?? 0 } : {}),
      }))
      .filter((entry) => entry.slots > 0);
    serving.peer.post({ type: 'allot', slots });
  }

  async #buryImpossible(group: SchedulerGroup): Promise<void> {
    const slices = new Slices(this.#clock);
    const why = this.#whyNever(group);
    const bytes = Buffer.from(`${why}\n`);
    let buried = 0;
    while (group.ready.ready > 0) {
      buried += this.#queue.buryImpossible(group, BURY_STEP, bytes);
      if (this.#queue.changes.size > CHANGES_MAX) await this.#persist.flushed();
      else this.#persist.note();
      await slices.pause();
    }
    this.#log.warn('commands were buried: they can never be given what they ask for', {
      group: group.name,
      why,
      commands: buried,
    });
  }

  #whyNever(group: SchedulerGroup): string {
    const { memoryMb, cpus } = this.#scheduler.capacity;
    const { resources } = this.#queue.groups;
    return whyNever(group, { memoryMb, cpus, units: (name) => resources.units(name) });
  }
}

function sameSlots(a: ReadonlyMap<SchedulerGroup, number>, b: ReadonlyMap<SchedulerGroup, number>): boolean {
  if (a.size !== b.size) return false;
  for (const [group, slots] of a) if (b.get(group) !== slots) return false;
  return true;
}
