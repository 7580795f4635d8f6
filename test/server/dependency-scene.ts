/** A manager with one runner, told by command what to do, for tests of dependencies. */
import assert from 'node:assert/strict';
import type { PageReply, PlainPageReply } from '../../core/client-replies.ts';
import type { StatusRequest } from '../../core/client-requests.ts';
import { decodeFrame } from '../../core/codec.ts';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { STATE_NAMES } from '../../core/states.ts';
import type { StatusJob } from '../../core/status-job.ts';
import type { KeyValueStore } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);

export interface Line {
  readonly cmd: string;
  readonly dep_grps?: readonly string[];
  readonly deps?: readonly string[];
  readonly cmd_deps?: readonly object[];
  readonly priority?: number;
}

/** A manager with one runner, told by command what to do. */
export class Scene {
  /** Ids of requests are not used twice, whatever the manager's life. */
  static #adds = 0;
  readonly harness: ManagerHarness;
  readonly runner: TestPeer;
  readonly attempts = new Map<string, number>();
  /** So many of the last change were kept, as others depend on them. */
  held = 0;

  constructor(harness: ManagerHarness, runner: TestPeer) {
    this.harness = harness;
    this.runner = runner;
  }

  static async open(
    store: KeyValueStore = new MemoryStore(),
    attempts: ReadonlyMap<string, number> = new Map(),
  ): Promise<Scene> {
    const harness = await ManagerHarness.start(store);
    const runner = await harness.connectRunner(GROUP, 'the runner', [...attempts.values()]);
    const scene = new Scene(harness, runner);
    for (const [cmd, attempt] of attempts) scene.attempts.set(cmd, attempt);
    return scene;
  }

  /** The manager is killed and started again from what its disk holds; the runner comes back with what it holds. */
  restart(): Promise<Scene> {
    return Scene.open(this.harness.store, this.attempts);
  }

  /** Adds lines of JSON. */
  async add(...lines: readonly Line[]): ReturnType<ManagerHarness['add']> {
    Scene.#adds += 1;
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    return this.harness.add(text, {}, { requestId: `scene ${Scene.#adds}` });
  }

  /** Takes what is ready, up to so many. @returns its commands */
  async reserve(count = 100): Promise<string[]> {
    const { jobs } = await this.harness.reserve(this.runner, GROUP, count);
    return jobs
      .map((job) => {
        const cmd = Buffer.from(job.cmd).toString();
        this.attempts.set(cmd, job.attempt);
        return cmd;
      })
      .sort();
  }

  async end(cmd: string, outcome: 'complete' | 'release' | 'bury' = 'complete'): Promise<void> {
    const attempt = this.attempts.get(cmd);
    assert.ok(attempt !== undefined, `${cmd} was handed out`);
    const startedMs = this.harness.clock.nowMs();
    const event = ended(attempt, outcome, { startedMs, endedMs: startedMs + 5 });
    this.harness.send(this.runner, { type: 'report', id: this.harness.nextId(), events: [event] });
    await settle();
    this.harness.check();
  }

  /** Takes all that is ready and completes it. @returns its commands */
  async run(): Promise<string[]> {
    const commands = await this.reserve();
    for (const cmd of commands) await this.end(cmd);
    return commands;
  }

  /** The state of a command; `none` when it is not in memory. */
  state(cmd: string): string {
    const key = Buffer.from(jobKeyHex(cmd, DEFAULT_JOB_OPTIONS), 'hex');
    const words = new Uint32Array(new Uint8Array(key).buffer);
    const { keys, table } = this.harness.manager.queue;
    const number = keys.find(words[0] as number, words[1] as number, words[2] as number, words[3] as number);
    return number === 0 ? 'none' : (STATE_NAMES[table.state(number)] as string);
  }

  async list(more: Partial<StatusRequest>): Promise<StatusJob[]> {
    const frames = await this.#status(more);
    return frames.flatMap((frame) => decodeFrame<PageReply>(frame).flatMap((page) => page.jobs));
  }

  /** States as a plain listing shows them. */
  async plain(more: Partial<StatusRequest> = {}): Promise<(string | undefined)[]> {
    const frames = await this.#status({ output: 'plain', ...more });
    const pages = frames.flatMap((frame) => decodeFrame<PlainPageReply>(frame));
    return Buffer.concat(pages.map((page) => page.text))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[1]);
  }

  async #status(more: Partial<StatusRequest>): Promise<readonly Uint8Array[]> {
    const peer = new TestPeer();
    this.harness.send(peer, {
      type: 'status',
      id: this.harness.nextId(),
      select: { by: 'all' },
      output: 'jobs',
      states: [],
      limit: 0,
      env: false,
      host: '',
      ...more,
    });
    await settle(100); // Long listings come in pages.
    return peer.frames;
  }

  async change(type: 'retry' | 'remove', ...commands: readonly string[]): Promise<number> {
    const keys = Buffer.concat(
      commands.map((cmd) => Buffer.from(jobKeyHex(cmd, DEFAULT_JOB_OPTIONS), 'hex')),
    );
    const peer = new TestPeer();
    const id = this.harness.nextId();
    const common = { id, requestId: `change ${id}`, select: { by: 'keys', keys } } as const;
    this.harness.send(peer, type === 'retry' ? { type, ...common } : { type, ...common, buriedOnly: false });
    await settle();
    this.harness.check();
    const { changed, held = 0 } = peer.last('changed');
    this.held = held;
    return changed;
  }

  /** Complete jobs leave memory for the index on disk. */
  async archive(): Promise<void> {
    await this.harness.clock.advance(3_000);
    this.harness.check();
  }
}
