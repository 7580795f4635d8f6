import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { Selector } from '../../core/selector.ts';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);
const lines = (count: number): string => Array.from({ length: count }, (_, i) => `echo ${i}\n`).join('');

async function hold(
  harness: ManagerHarness,
  type: 'suspend' | 'resume',
  select: Selector = { by: 'all' },
): Promise<readonly [number, number]> {
  const peer = new TestPeer();
  const id = harness.nextId();
  harness.send(peer, { type, id, requestId: `${type} ${id}`, select });
  await settle();
  harness.check();
  const { changed, eligible } = peer.last('changed');
  return [changed, eligible];
}

const counts = (harness: ManagerHarness): Record<string, number> => {
  const { totals } = harness.manager.queue.repGroups;
  const named = Object.entries(STATE).map(([name, code]) => [name, totals[code] ?? 0] as const);
  return Object.fromEntries(named.filter(([, count]) => count > 0));
};

describe('suspending and resuming', () => {
  it('counts everything incomplete that was selected, and changes what waits', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines(5), { repGroup: 'g', retries: 0 });
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, 2);
    const startedMs = harness.clock.nowMs();
    harness.send(peer, {
      type: 'report',
      id: 1,
      events: [ended(jobs[0]?.attempt ?? 0, 'release', { startedMs })],
    });
    await settle();
    assert.deepEqual(await hold(harness, 'suspend'), [3, 5]);
    assert.deepEqual(counts(harness), { suspended: 3, reserved: 1, buried: 1 });
    const group = { by: 'repGroup', repGroup: 'g', search: false } as const;
    assert.deepEqual(await hold(harness, 'resume', group), [3, 5]);
    assert.deepEqual(await hold(harness, 'resume'), [0, 0]);
    assert.deepEqual(counts(harness), { ready: 3, reserved: 1, buried: 1 });
  });

  it('is answered when it is on disk, and the same after a crash', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    await before.add(lines(40));
    await before.add('echo a\necho b\n', { repGroup: 'late', priority: 3 });
    const peer = new TestPeer();
    store.holdFlushes();
    before.send(peer, { type: 'suspend', id: 1, requestId: 's', select: { by: 'all' } });
    await settle();
    assert.equal(peer.count('changed'), 0);
    store.releaseFlushes();
    await settle();
    assert.deepEqual(peer.last('changed'), { type: 'changed', id: 1, changed: 42, eligible: 42 });
    await hold(before, 'resume', { by: 'repGroup', repGroup: 'late', search: false });
    assert.equal(store.count('records'), 0, 'a suspended job costs a bit');

    const after = await ManagerHarness.start(store.crash());
    after.check();
    assert.deepEqual(counts(after), { suspended: 40, ready: 2 });
    const runner = await after.connectRunner(GROUP);
    assert.equal((await after.reserve(runner, GROUP, 10)).jobs.length, 2);
    assert.deepEqual(await hold(after, 'resume'), [40, 40]);
    assert.equal((await after.reserve(runner, GROUP, 50)).jobs.length, 40);
  });

  it('keeps the end of a back-off over a crash', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    await before.add('false\n');
    const peer = await before.connectRunner(GROUP);
    const { jobs } = await before.reserve(peer, GROUP, 1);
    const startedMs = before.clock.nowMs();
    before.send(peer, {
      type: 'report',
      id: 1,
      events: [ended(jobs[0]?.attempt ?? 0, 'release', { startedMs })],
    });
    await settle();
    await hold(before, 'suspend');
    const after = await ManagerHarness.start(store.crash());
    assert.deepEqual(counts(after), { suspended: 1 });
    await hold(after, 'resume');
    assert.deepEqual(counts(after), { delayed: 1 });
    await after.clock.advance(61_000);
    assert.deepEqual(counts(after), { ready: 1 });
  });

  it('ends in one state, in memory as on disk, whichever of runner and user comes first', async () => {
    for (const order of ['suspend first', 'reserve first']) {
      const store = new MemoryStore();
      const harness = await ManagerHarness.start(store);
      await harness.add('echo 1\n');
      const runner = await harness.connectRunner(GROUP);
      const user = new TestPeer();
      const suspend = () =>
        harness.send(user, { type: 'suspend', id: 1, requestId: 's', select: { by: 'all' } });
      const reserve = () =>
        harness.send(runner, { type: 'reserve', id: 2, group: GROUP, count: 1, waitMs: 0 });
      if (order === 'suspend first') {
        suspend();
        await settle();
        reserve();
      } else {
        reserve();
        suspend();
      }
      await settle();
      harness.check();
      const state = counts(harness);
      assert.deepEqual(state, order === 'suspend first' ? { suspended: 1 } : { reserved: 1 }, order);
      assert.deepEqual(counts(await ManagerHarness.start(store.crash())), state, order);
    }
  });

  it('carries a repeated request out once', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('echo 1\n');
    const peer = new TestPeer();
    harness.send(peer, { type: 'suspend', id: 1, requestId: 'once', select: { by: 'all' } });
    await settle();
    await hold(harness, 'resume');
    harness.send(peer, { type: 'suspend', id: 2, requestId: 'once', select: { by: 'all' } });
    await settle();
    assert.deepEqual(peer.last('changed'), { type: 'changed', id: 2, changed: 1, eligible: 1 });
    assert.deepEqual(counts(harness), { ready: 1 });
  });
});
