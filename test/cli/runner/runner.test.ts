import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job } from '../../../cli/runner/execution.ts';
import type { ExecutorEvents, ExecutorPort, SlotPort } from '../../../cli/runner/executor-port.ts';
import { Runner } from '../../../cli/runner/runner.ts';
import type { RunnerEnd, RunnerOptions } from '../../../cli/runner/runner-options.ts';
import { RECONNECT_MS } from '../../../cli/runner/session.ts';
import { WrError } from '../../../core/errors.ts';
import type { EndedEvent, TouchedAttempt } from '../../../core/runner-messages.ts';
import { NESTED } from './harness.ts';
import { ScriptedManager } from './scripted-manager.ts';

/** Time that only passes when a test says so. */
class Time {
  nowMs = 1_000_000;
  #timers: { readonly atMs: number; readonly call: () => void }[] = [];

  after(ms: number, call: () => void): () => void {
    const timer = { atMs: this.nowMs + ms, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets everything happen that happens until then, in order. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.call();
      await settle();
    }
    this.nowMs = untilMs;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Slots in which nothing happens by itself. */
class ScriptedExecutor implements ExecutorPort {
  readonly running = new Map<number, { readonly job: Job; readonly slot: SlotPort }>();
  readonly killed: [number, string][] = [];
  readonly #events: ExecutorEvents;
  readonly #time: Time;
  slots = 0;
  closed = false;

  constructor(events: ExecutorEvents, time: Time) {
    this.#events = events;
    this.#time = time;
  }

  addSlot(): SlotPort {
    this.slots += 1;
    return { envId: '', takesAhead: () => true, busyMs: () => 0 };
  }

  run(slot: SlotPort, job: Job): boolean {
    this.running.set(job.attempt, { job, slot });
    return true;
  }

  usage(attempt: number): TouchedAttempt | null {
    const none = new Uint8Array(0);
    return this.running.has(attempt)
      ? { attempt, peakRamMb: 7, peakDiskMb: 1, cpuMs: 5, stdout: none, stderr: none }
      : null;
  }

  kill(attempt: number, reason: string): void {
    this.killed.push([attempt, reason]);
  }

  close(): void {
    this.closed = true;
  }

  started(attempt: number): void {
    const { job } = this.running.get(attempt) as { job: Job };
    this.#events.started(job, 4_000 + attempt, this.#time.nowMs, '/tmp/x');
  }

  end(attempt: number, over: Partial<EndedEvent> = {}, lastedMs = 5_000): void {
    const { job, slot } = this.running.get(attempt) as { job: Job; slot: SlotPort };
    this.running.delete(attempt);
    const none = new Uint8Array(0);
    this.#events.ended(
      job,
      {
        event: 'ended',
        attempt,
        outcome: 'complete',
        exitCode: 0,
        reason: '',
        pid: 4_000 + attempt,
        startedMs: this.#time.nowMs - lastedMs,
        endedMs: this.#time.nowMs,
        cwd: '/w',
        stdout: none,
        stderr: none,
        peakRamMb: 1,
        peakDiskMb: 0,
        cpuMs: 1,
        ...over,
      },
      slot,
    );
  }
}

interface World {
  readonly manager: ScriptedManager;
  readonly executor: ScriptedExecutor;
  readonly time: Time;
  readonly runner: Runner;
  readonly log: string[];
  /** What connecting fails with. */
  away: WrError | null;
  ended: RunnerEnd | null;
}

const reasonOf = ({ ended }: World): string | undefined => ended?.because;

async function start(options: Partial<RunnerOptions> = {}): Promise<World> {
  const time = new Time();
  const manager = new ScriptedManager();
  const log: string[] = [];
  let executor: ScriptedExecutor | undefined;
  const runner = new Runner(
    {
      runnerId: 'r1',
      host: 'h',
      ip: '10.0.0.1',
      pid: 42,
      birth: 0,
      group: null,
      slots: 1,
      reserveTimeoutMs: 1_000,
      endMs: Number.MAX_SAFE_INTEGER,
      nested: NESTED,
      ownEnvironment: new Map(),
      ...options,
    },
    {
      connect: async () => {
        if (world.away !== null) throw world.away;
        return manager.connect();
      },
      executor: (events) => {
        executor = new ScriptedExecutor(events, time);
        return executor;
      },
      now: () => time.nowMs,
      random: () => 0.5,
      after: (ms, call) => time.after(ms, call),
      log: (text) => log.push(text),
    },
  );
  const world: World = {
    manager,
    executor: executor as ScriptedExecutor,
    time,
    runner,
    log,
    away: null,
    ended: null,
  };
  void runner.run().then((end) => {
    world.ended = end;
  });
  await time.pass(5);
  return world;
}

const running = ({ executor }: World): number[] => [...executor.running.keys()].sort((a, b) => a - b);

describe('a runner of this machine', () => {
  it('fills as many slots of each group as it is allotted, and no more', async () => {
    const world = await start();
    const { manager, time } = world;
    manager.add(
      'a',
      Array.from({ length: 5 }, () => ({ cmd: 'x' })),
    );
    manager.add('b', [{ cmd: 'y' }, { cmd: 'y' }]);
    manager.allot({ a: 2, b: 1 });
    await time.pass(30);
    assert.deepEqual(running(world), [1, 2, 6]);
    world.executor.end(1);
    await time.pass(30);
    assert.deepEqual(running(world), [2, 3, 6]);
    manager.allot({ b: 2 });
    world.executor.end(2);
    await time.pass(30);
    assert.deepEqual(running(world), [3, 6, 7], 'what runs is left alone');
    assert.equal(world.executor.slots, 3);
  });

  it('reports what happened meanwhile in one frame, with the next request', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add(
      'a',
      Array.from({ length: 8 }, () => ({ cmd: 'x' })),
    );
    manager.allot({ a: 4 });
    await time.pass(30);
    const { frames } = manager;
    for (const attempt of [1, 2, 3, 4]) {
      executor.started(attempt);
      executor.end(attempt);
    }
    await time.pass(30);
    assert.equal(manager.frames, frames + 1);
    assert.deepEqual(
      manager.events.map(({ event, attempt }) => `${event} ${attempt}`),
      ['ended 1', 'ended 2', 'ended 3', 'ended 4'],
    );
    assert.deepEqual(running(world), [5, 6, 7, 8]);
  });

  it('tells of an end at once, also when a start has just been noted that may wait', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }]);
    manager.allot({ a: 1 });
    await time.pass(30);
    executor.started(1);
    await time.pass(3);
    executor.end(1);
    await time.pass(1);
    assert.deepEqual(
      manager.events.map(({ event, attempt }) => `${event} ${attempt}`),
      ['ended 1'],
    );
  });

  it('takes jobs that come with an allotment, and does not ask for them besides', async () => {
    const world = await start();
    const { manager, time } = world;
    manager.add('a', [{ cmd: 'x' }, { cmd: 'y' }]);
    await manager.allotWithJobs('a', 1, () => time.pass(30));
    await time.pass(30);
    assert.deepEqual(running(world), [1]);
    assert.deepEqual(manager.reserves, []);
    world.executor.end(1);
    await time.pass(30);
    assert.deepEqual(running(world), [2]);
    assert.equal(manager.reserves.length, 1, 'the next one was asked for');
  });

  it('takes no more after something failed in it, and goes once what runs is told or can never be told', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add(
      'a',
      Array.from({ length: 3 }, () => ({ cmd: 'x' })),
    );
    manager.allot({ a: 2 });
    await time.pass(30);
    assert.deepEqual(running(world), [1, 2]);
    world.runner.failed();
    executor.end(1);
    await time.pass(30);
    assert.deepEqual(
      manager.events.map(({ event, attempt }) => `${event} ${attempt}`),
      ['ended 1'],
    );
    assert.deepEqual(running(world), [2], 'nothing more is begun');
    assert.equal(world.ended, null);
    // Of this one the failure took the end: nobody will ever hear of it.
    executor.running.delete(2);
    await time.pass(20_000);
    assert.equal(reasonOf(world), 'something failed that nobody foresaw');
    assert.ok(executor.closed);
  });

  it('fetches ahead when commands are short, and only then', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add(
      'a',
      Array.from({ length: 200 }, () => ({ cmd: 'x' })),
    );
    manager.allot({ a: 1 });
    await time.pass(30);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      assert.equal(manager.reserves.at(-1)?.count, 1);
      executor.end(attempt, {}, 10);
      await time.pass(30);
    }
    assert.equal(manager.reserves.at(-1)?.count, 31, '0.3 s of work, and the free slot');
    assert.equal(executor.running.size, 2, 'one runs, one waits behind it');
  });

  it('leaves when nothing has been allotted for its reserve timeout', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }]);
    manager.allot({ a: 2 });
    await time.pass(30);
    executor.end(1);
    await time.pass(30);
    manager.endWaits();
    await time.pass(900);
    assert.equal(world.ended, null);
    await time.pass(200);
    assert.deepEqual(world.ended, { commands: 1, because: 'there are no more commands for this host' });
    assert.equal(executor.closed, true);
  });

  it('touches all it holds every 15 s, and ends at once what it is told to', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }, { cmd: 'x' }]);
    manager.allot({ a: 2 });
    await time.pass(30);
    manager.killAtTouch = [2];
    await time.pass(15_000);
    assert.deepEqual(
      manager.touches[0]?.attempts.map(({ attempt, peakRamMb }) => [attempt, peakRamMb]),
      [
        [1, 7],
        [2, 7],
      ],
    );
    assert.deepEqual(executor.killed, [[2, 'user']]);
    manager.push({ type: 'kill', attempts: [1] });
    assert.deepEqual(executor.killed.at(-1), [1, 'user']);
    // Being reminded is no news; being asked once more is.
    manager.killAtTouch = [1, 2];
    await time.pass(15_000);
    assert.equal(executor.killed.length, 2);
    manager.push({ type: 'kill', attempts: [2] });
    assert.deepEqual(executor.killed.at(-1), [2, 'user']);
  });

  it('touches what has just begun after two seconds, and what is over by then not at all', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'long' }, { cmd: 'short' }]);
    manager.allot({ a: 2 });
    await time.pass(30);
    for (const attempt of [1, 2]) executor.started(attempt);
    await time.pass(1_000);
    executor.end(2);
    await time.pass(1_500);
    const touched = manager.touches.map(({ attempts }) => attempts.map(({ attempt }) => attempt));
    assert.deepEqual(touched, [[1]]);
    executor.end(1);
    await time.pass(5_000);
    assert.equal(manager.touches.length, 1);
  });

  it('goes home when told to, after reporting what still ran', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }]);
    manager.allot({ a: 1 });
    await time.pass(30);
    manager.push({ type: 'leave' });
    await time.pass(100);
    assert.equal(world.ended, null);
    executor.end(1);
    await time.pass(100);
    assert.equal(reasonOf(world), 'the manager said so');
    assert.equal(manager.ended(1)?.outcome, 'complete');
  });
});

describe('a runner of a cluster', () => {
  it('runs one command after another of its group, and leaves when there are no more', async () => {
    const world = await start({ group: 'g1' });
    const { manager, time, executor } = world;
    manager.add('g1', [{ cmd: 'x' }, { cmd: 'x' }]);
    await time.pass(30);
    assert.deepEqual(running(world), [1]);
    executor.end(1);
    await time.pass(30);
    executor.end(2);
    await time.pass(30);
    manager.endWaits();
    await time.pass(30);
    assert.deepEqual(world.ended, {
      commands: 2,
      because: "there are no more commands in scheduler group 'g1'",
    });
  });

  it('gives back a command it has not the time for', async () => {
    const world = await start({ group: 'g1', endMs: 1_060_000 });
    const { manager, time, executor } = world;
    manager.add('g1', [
      { cmd: 'x', timeMs: 30_000 },
      { cmd: 'x', timeMs: 70_000 },
    ]);
    await time.pass(30);
    executor.end(1);
    await time.pass(30);
    assert.deepEqual(manager.events.at(-1), {
      event: 'released',
      attempt: 2,
      reason: 'not enough time to run',
    });
    assert.equal(world.ended?.because, "we're about to hit our maximum time limit");
  });
});

describe('a manager that went away', () => {
  it('is offered every end again until it acknowledges it', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }, { cmd: 'x' }]);
    manager.allot({ a: 2 });
    await time.pass(30);
    manager.silent = true;
    executor.end(1);
    await time.pass(30);
    world.away = new WrError('NO_MANAGER', 'nobody listens');
    manager.vanish();
    executor.end(2);
    await time.pass(RECONNECT_MS + 3 * 22_500);
    assert.equal(manager.hellos.length, 1);
    assert.equal(world.ended, null);
    world.away = null;
    manager.silent = false;
    await time.pass(22_500);
    assert.deepEqual(manager.hellos[1]?.holding, [1, 2]);
    assert.deepEqual(
      manager.events.map(({ attempt }) => attempt),
      [1, 2],
    );
    await time.pass(1_100);
    assert.notEqual(world.ended, null, 'nothing is allotted any more');
  });

  it('hears again of an end that it says is no concern of it, as it may not have it on disk yet', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }, { cmd: 'x' }]);
    manager.allot({ a: 2 });
    await time.pass(30);
    manager.silent = true;
    executor.end(1);
    await time.pass(30);
    manager.vanish();
    manager.silent = false;
    manager.superseded = [1, 2];
    await time.pass(RECONNECT_MS);
    assert.deepEqual(manager.hellos[1]?.holding.toSorted(), [1, 2]);
    assert.deepEqual(
      manager.events.map(({ event, attempt }) => `${event} ${attempt}`),
      ['ended 1'],
    );
    assert.deepEqual(executor.killed, [[2, 'forgotten']]);
  });

  it('lets commands run on, gives back what had not started, and takes new work from the next one', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add(
      'a',
      Array.from({ length: 40 }, () => ({ cmd: 'x' })),
    );
    manager.allot({ a: 1 });
    await time.pass(30);
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      executor.end(attempt, {}, 10);
      await time.pass(30);
    }
    const held = running(world);
    manager.vanish();
    await time.pass(RECONNECT_MS + 10);
    const released = manager.events.filter(({ event }) => event === 'released').map(({ attempt }) => attempt);
    assert.ok(released.length > 5);
    assert.equal(
      released.some((attempt) => held.includes(attempt)),
      false,
    );
    assert.deepEqual(running(world), held);
    for (const attempt of held) executor.end(attempt);
    manager.add('a', [{ cmd: 'new' }]);
    manager.allot({ a: 1 });
    await time.pass(30);
    assert.equal(executor.running.size >= 1, true);
  });

  it('is forgotten with what it superseded: that is ended, and not reported', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }, { cmd: 'x' }]);
    manager.allot({ a: 2 });
    await time.pass(30);
    manager.superseded = [1];
    manager.vanish();
    await time.pass(RECONNECT_MS + 10);
    assert.deepEqual(executor.killed, [[1, 'forgotten']]);
    executor.end(1, { outcome: 'release', exitCode: -1 });
    executor.end(2);
    await time.pass(30);
    assert.equal(manager.ended(1), undefined);
    assert.equal(manager.ended(2)?.outcome, 'complete');
  });

  it('is given up after a day', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }]);
    manager.allot({ a: 1 });
    await time.pass(30);
    world.away = new WrError('NO_MANAGER', 'nobody listens');
    manager.vanish();
    executor.end(1);
    await time.pass(23.9 * 3_600_000);
    assert.equal(world.ended, null);
    await time.pass(0.2 * 3_600_000);
    assert.notEqual(world.ended, null);
    assert.match(world.log.join('\n'), /attempt 1 could not be reported for a day/);
  });

  it('has nobody wait for it that holds nothing', async () => {
    const world = await start();
    world.manager.vanish();
    await world.time.pass(0);
    assert.equal(world.ended?.because, 'the manager went away');
  });

  it('may be recovering: the report is repeated a second later', async () => {
    const world = await start();
    const { manager, time, executor } = world;
    manager.add('a', [{ cmd: 'x' }]);
    manager.allot({ a: 1 });
    await time.pass(30);
    manager.refuseReports = new WrError('RECOVERING', 'wait');
    executor.end(1);
    await time.pass(500);
    manager.refuseReports = null;
    await time.pass(300);
    assert.equal(manager.events.length, 0);
    await time.pass(300);
    assert.equal(manager.ended(1)?.outcome, 'complete');
  });
});
