import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { Selector } from '../../core/selector.ts';
import { STATE } from '../../core/states.ts';
import { readDone } from '../../store/history-tables.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);
const all: Selector = { by: 'all' };

interface World {
  readonly store: MemoryStore;
  readonly harness: ManagerHarness;
  readonly runner: TestPeer;
  /** Of the command that runs. */
  readonly token: number;
}

/** Two commands, one of them running, and a result of it that the disk has no room for. */
async function full(): Promise<World> {
  const store = new MemoryStore();
  const harness = await ManagerHarness.start(store);
  await harness.add('echo 1\necho 2\n', { retries: 0 });
  const runner = await harness.connectRunner(GROUP, 'r');
  const { jobs } = await harness.reserve(runner, GROUP, 1);
  const token = jobs[0]?.attempt ?? 0;
  for (let i = 0; i < 4; i += 1) store.failNext('before');
  harness.send(runner, { type: 'report', id: 9, events: [ended(token, 'complete')] });
  await settle();
  return { store, harness, runner, token };
}

async function codeOf(
  harness: ManagerHarness,
  message: Parameters<ManagerHarness['send']>[1],
): Promise<string> {
  const peer = new TestPeer();
  harness.send(peer, message);
  await settle();
  const error = peer.received.find(({ type }) => type === 'error');
  return error?.type === 'error' ? error.code : 'no error';
}

describe('a disk that is full', () => {
  it('is told to a runner at once, which tells the result again and hears when it is on disk', async () => {
    const { store, harness, runner, token } = await full();
    const refused = runner.last('error');
    assert.deepEqual([refused.id, refused.code], [9, 'STORE_FULL']);
    assert.equal(runner.count('reported'), 0);
    await harness.clock.advance(5_000);
    harness.send(runner, { type: 'report', id: 10, events: [ended(token, 'complete')] });
    await settle();
    assert.deepEqual(runner.last('reported').superseded, [token]);
    const survivor = store.crash();
    const after = await ManagerHarness.start(survivor);
    // What is complete is no more in memory than what never was; its record tells the two apart.
    assert.equal(after.manager.queue.state(1), STATE.none);
    assert.equal(readDone(survivor, 1)?.exitCode, 0);
  });

  it('is told to who changes something, and changes nothing but what is killed and paused', async () => {
    const { harness, token } = await full();
    const id = harness.nextId();
    const changes = { options: { priority: 3 }, cmd: null, dropOther: [] };
    assert.equal(await codeOf(harness, { type: 'limit', id, group: 'a', limit: 3 }), 'STORE_FULL');
    assert.equal(harness.manager.queue.groups.limits.limit('a'), -1);
    for (const type of ['retry', 'suspend', 'resume'] as const)
      assert.equal(await codeOf(harness, { type, id, requestId: type, select: all }), 'STORE_FULL', type);
    const remove = { type: 'remove', id, requestId: 'remove', select: all, buriedOnly: false } as const;
    assert.equal(await codeOf(harness, remove), 'STORE_FULL');
    const modify = { type: 'modify', id, requestId: 'modify', select: all, changes } as const;
    assert.equal(await codeOf(harness, modify), 'STORE_FULL');
    assert.equal(harness.manager.queue.state(2), STATE.ready);
    assert.equal(await codeOf(harness, { type: 'steer', id, to: 'pause' }), 'NOT_DURABLE');
    assert.equal(await codeOf(harness, { type: 'steer', id, to: 'resume' }), 'STORE_FULL');
    harness.check();
    assert.equal(harness.manager.queue.attempts.byToken(token), undefined);
  });

  it('ends what runs when that is asked for, and says that only the disk does not know', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('echo 1\n');
    const runner = await harness.connectRunner(GROUP, 'r');
    const { jobs } = await harness.reserve(runner, GROUP, 1);
    const token = jobs[0]?.attempt ?? 0;
    store.failNext('before');
    const kill = { type: 'kill', id: 1, requestId: 'k', select: all, confirmDead: false, ageMs: 0 } as const;
    assert.equal(await codeOf(harness, kill), 'NOT_DURABLE');
    assert.deepEqual(runner.last('kill').attempts, [token]);
  });

  it('hands nothing out, and goes on by itself once there is room', async () => {
    const { harness, runner } = await full();
    const { jobs } = await harness.reserve(runner, GROUP, 1);
    assert.deepEqual(jobs, []);
    harness.send(runner, { type: 'reserve', id: 20, group: GROUP, count: 1, waitMs: 60_000 });
    await settle();
    harness.check();
    await harness.clock.advance(5_000);
    assert.equal(runner.last('jobs').jobs.length, 1);
    harness.check();
  });

  it('takes back what it would have handed out just then', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('echo 1\n');
    const runner = await harness.connectRunner(GROUP, 'r');
    store.failNext('before');
    assert.deepEqual((await harness.reserve(runner, GROUP, 1)).jobs, []);
    assert.equal(harness.manager.queue.state(1), STATE.ready);
    harness.check();
    await harness.clock.advance(2_000);
    const { jobs } = await harness.reserve(runner, GROUP, 1);
    assert.equal(jobs.length, 1);
    const after = await ManagerHarness.start(store.crash());
    after.check();
    assert.notEqual(after.manager.queue.state(1), STATE.ready);
  });
});
