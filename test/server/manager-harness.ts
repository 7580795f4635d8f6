/**
 * A whole manager without sockets, processes or sleeps: memory model for the disk, tasks in the same thread, a clock that
 * moves when told, and peers that keep what they are sent.
 */

import type { Attempt } from '../../core/attempts.ts';
import type { AddedReply } from '../../core/client-replies.ts';
import { encodeFrame } from '../../core/codec.ts';
import { checkInvariants } from '../../core/invariants.ts';
import type { IsGone } from '../../core/job-losses.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import type { Reply, Request } from '../../core/protocol.ts';
import type { Resources } from '../../core/resource-names.ts';
import type { JobsReply } from '../../core/runner-messages.ts';
import type { Clock } from '../../server/clock.ts';
import { Manager } from '../../server/manager.ts';
import type { FindMarked } from '../../server/marked.ts';
import type { Peer } from '../../server/peer.ts';
import type { RunOnHost } from '../../server/processes.ts';
import type { Scheduler } from '../../server/schedulers/scheduler.ts';
import { type Runners, StoreTasks } from '../../server/tasks.ts';
import type { KeyValueStore } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';
import { arrayPart } from '../../workers/array-part.ts';
import { ingest } from '../../workers/ingest.ts';
import { learnFrom } from '../../workers/learn.ts';
import { plan } from '../../workers/plan.ts';
import { queryInline } from '../../workers/query.ts';

/** Time that stands still until `advance`; its two clocks are far apart, and `jump` moves them apart further. */
export class TestClock implements Clock {
  #monotonicMs = 50_000;
  /** Of the wall clock, when the other one was at 0. */
  #wallMs = 999_999_950_000;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.#wallMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Somebody sets the clock, or the machine slept: no time went by as far as lengths of time are concerned. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  random(): number {
    return 0.5;
  }

  /** Moves time on, letting each timer go off at its own moment. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      next.callback();
      await settle();
    }
    this.#monotonicMs = untilMs;
    await settle();
  }
}

/** Lets everything that is under way come to rest: turns of the event loop, not time. */
export async function settle(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

export class TestPeer implements Peer {
  static #lastId = 0;
  readonly id = ++TestPeer.#lastId;
  readonly received: Reply[] = [];
  readonly frames: Uint8Array[] = [];
  /** What it has not taken yet: as much as the test says. */
  bufferedBytes = 0;
  open = true;

  post(message: Reply): void {
    this.received.push(message);
  }

  postFrame(frame: Uint8Array): void {
    this.frames.push(frame);
  }

  last<Type extends Reply['type']>(type: Type): Extract<Reply, { type: Type }> {
    const found = this.received.findLast((message) => message.type === type);
    if (found === undefined)
      throw new Error(`no ${type} was received, but ${this.received.map((m) => m.type).join(', ')}`);
    return found as Extract<Reply, { type: Type }>;
  }

  count(type: Reply['type']): number {
    return this.received.filter((message) => message.type === type).length;
  }
}

const SILENT = () => undefined;

export const NO_SCHEDULER: Scheduler = {
  name: 'none',
  capacity: { cpus: 4, memoryMb: 8_000 },
  canEverRun: () => true,
  schedule: SILENT,
  runnerConnected: SILENT,
  runnerGone: SILENT,
  tidy: SILENT,
  busy: () => false,
  cleanup: () => Promise.resolve(),
};

export class ManagerHarness {
  /** Over all managers: who comes to a manager that was started again is somebody else, unless said. */
  static #runners = 0;
  readonly clock = new TestClock();
  readonly store: KeyValueStore;
  readonly manager: Manager;
  /** Whether processes that are asked after are known not to exist. */
  gone: boolean | IsGone = true;
  /** Why it was asked to stop, each time. */
  readonly stops: string[] = [];
  readonly killedRunners: number[] = [];
  /** What the log has at level error. */
  readonly errors: string[] = [];
  /** Whether a command without a runner, which is to be ended, is there still. */
  endOrphan: (attempt: Attempt) => boolean = () => false;
  /** What is there of attempts on this host. */
  findMarked: FindMarked = () => Promise.resolve(new Map());
  /** The shells of other hosts. */
  runOnHost: RunOnHost = () => Promise.reject(new Error('there is no such host'));
  #lastId = 0;

  constructor(
    store: KeyValueStore = new MemoryStore(),
    runners: Partial<Runners> = {},
    resources: Resources = {},
  ) {
    this.store = store;
    const inline: Runners = {
      ingest: (task) => Promise.resolve().then(() => ingest(task)),
      arrayPart: (task) => Promise.resolve().then(() => arrayPart(task)),
      plan: (task) => Promise.resolve().then(() => plan(task)),
      learn: (task) => Promise.resolve().then(() => learnFrom(store, task.groups)),
      query: (task) => Promise.resolve().then(() => queryInline(task, store)),
      ...runners,
    };
    this.manager = new Manager({
      store,
      tasks: new StoreTasks(inline, 'memory'),
      clock: this.clock,
      log: {
        ...{ debug: SILENT, info: SILENT, warn: SILENT, crit: SILENT },
        error: (text: string) => this.errors.push(text),
      } as never,
      scheduler: NO_SCHEDULER,
      deployment: 'development',
      resources,
      about: () => ({
        host: 'test',
        address: '127.0.0.1:1',
        webPort: 2,
        pid: 3,
        version: '0',
        transport: 'none',
        loopDelayP99Ms: 0,
        loopDelayMaxMs: 0,
        rssBytes: 0,
      }),
      isGone: (...process) => (typeof this.gone === 'boolean' ? this.gone : this.gone(...process)),
      endOrphan: (attempt) => this.endOrphan(attempt),
      backupFile: 'backup',
      processes: {
        ownHost: 'here',
        birthOf: (pid) => 1_000 + pid,
        killRunner: (pid) => {
          this.killedRunners.push(pid);
          return true;
        },
        findMarked: (marks) => this.findMarked(marks),
        runOnHost: (host, command) => this.runOnHost(host, command),
      },
      onShutdown: (why) => this.stops.push(why),
      onFatal: SILENT,
    });
  }

  static async start(
    store?: KeyValueStore,
    runners?: Partial<Runners>,
    resources?: Resources,
  ): Promise<ManagerHarness> {
    const harness = new ManagerHarness(store, runners, resources);
    await harness.manager.start();
    await settle();
    return harness;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  send(peer: Peer, ...requests: Request[]): void {
    this.manager.receive(peer, encodeFrame(requests));
  }

  /** Adds the lines of a text as one add. */
  async add(
    text: string | Uint8Array,
    options: Partial<JobOptions> = {},
    more: AddMore = {},
  ): Promise<AddedReply> {
    const peer = new TestPeer();
    const { requestId = `add ${this.nextId()}`, rerun = false, head = 0, wantKeys = false } = more;
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    const defaults = { ...DEFAULT_JOB_OPTIONS, ...options };
    this.send(peer, { type: 'addBegin', id: this.nextId(), requestId, defaults, rerun, head, wantKeys });
    this.send(peer, { type: 'addFrame', requestId, seq: 0, bytes });
    this.send(peer, { type: 'addEnd', id: this.nextId(), requestId, frames: 1 });
    await settle();
    this.check();
    const failed = peer.received.find((message) => message.type === 'error' || message.type === 'addRefused');
    if (failed !== undefined && 'code' in failed)
      throw Object.assign(new Error(failed.message), { code: failed.code });
    return peer.last('added');
  }

  /** Connects a runner of a group and takes jobs. */
  async reserve(peer: TestPeer, group: string, count: number, waitMs = 0): Promise<JobsReply> {
    this.send(peer, { type: 'reserve', id: this.nextId(), group, count, waitMs });
    await settle();
    return peer.last('jobs');
  }

  async connectRunner(
    group: string,
    runnerId = `runner ${++ManagerHarness.#runners}`,
    holding: number[] = [],
  ): Promise<TestPeer> {
    const peer = new TestPeer();
    const id = this.nextId();
    this.send(peer, { type: 'hello', id, runnerId, host: 'here', ip: '127.0.0.1', pid: 1, group, holding });
    await settle();
    return peer;
  }

  /** All invariants hold. */
  check(): void {
    const faults = checkInvariants(this.manager.queue);
    if (faults.length > 0) throw new Error(faults.join('\n'));
  }
}

export interface AddMore {
  readonly requestId?: string;
  readonly rerun?: boolean;
  readonly head?: number;
  readonly wantKeys?: boolean;
}
