import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import type { SteeredReply } from '../../core/protocol-control.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);

async function steer(harness: ManagerHarness, to: 'pause' | 'resume' | 'drain'): Promise<SteeredReply> {
  const peer = new TestPeer();
  harness.send(peer, { type: 'steer', id: harness.nextId(), to });
  await settle();
  harness.check();
  const refused = peer.received.find((message) => message.type === 'error');
  if (refused?.type === 'error') throw Object.assign(new Error(refused.message), { code: refused.code });
  return peer.last('steered');
}

async function runOne(
  harness: ManagerHarness,
  group = GROUP,
): Promise<{ readonly peer: TestPeer; readonly attempt: number }> {
  const peer = await harness.connectRunner(group);
  const { jobs } = await harness.reserve(peer, group, 1);
  const attempt = jobs[0]?.attempt ?? 0;
  const startedMs = harness.clock.nowMs();
  harness.send(peer, { type: 'report', id: 1, events: [{ event: 'started', attempt, pid: 5, startedMs }] });
  await settle();
  return { peer, attempt };
}

describe('pausing a manager', () => {
  it('starts nothing more, sends those who wait away, lets what runs go on, and is undone by one resume', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n');
    const { peer, attempt } = await runOne(harness);
    const waiting = await harness.connectRunner(GROUP);
    harness.send(waiting, { type: 'reserve', id: 9, group: GROUP, count: 1, waitMs: 0 });
    await settle();
    await harness.add('c\n');
    const idle = await harness.connectRunner(GROUP);
    await harness.reserve(idle, GROUP, 1);
    harness.send(idle, { type: 'reserve', id: 10, group: GROUP, count: 1, waitMs: 60_000 });
    await settle();
    assert.equal((await steer(harness, 'pause')).running, 3);
    assert.deepEqual([idle.last('jobs').id, idle.last('jobs').leave], [10, true]);
    await steer(harness, 'pause');
    assert.equal(harness.manager.mode, 'paused');
    await harness.add('d\n');
    assert.equal((await harness.reserve(peer, GROUP, 1)).leave, true);
    harness.send(peer, { type: 'report', id: 2, events: [ended(attempt, 'complete')] });
    await settle();
    assert.equal(peer.last('reported').superseded.length, 0);
    await steer(harness, 'resume');
    assert.equal(harness.manager.mode, 'started');
    const again = await harness.connectRunner(GROUP);
    assert.equal((await harness.reserve(again, GROUP, 1)).jobs.length, 1);
  });

  it('says how many run, and when the last of them is expected to end', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n', { timeMs: 90_000 });
    await runOne(harness, schedulerGroupOf({ ...DEFAULT_JOB_OPTIONS, timeMs: 90_000 }));
    await harness.clock.advance(30_000);
    const { running, expectedMs } = await steer(harness, 'pause');
    assert.deepEqual([running, expectedMs], [1, 60_000]);
    const late = await ManagerHarness.start();
    await late.add('a\n', { timeMs: 1_000 });
    await runOne(late, schedulerGroupOf({ ...DEFAULT_JOB_OPTIONS, timeMs: 1_000 }));
    await late.clock.advance(5_000);
    assert.equal((await steer(late, 'pause')).expectedMs, 0);
  });

  it('outlives the manager, and so does its end', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    await before.add('a\n');
    await steer(before, 'pause');
    const survivor = store.crash();
    const paused = await ManagerHarness.start(survivor);
    assert.equal(paused.manager.mode, 'paused');
    const runner = await paused.connectRunner(GROUP);
    assert.equal((await paused.reserve(runner, GROUP, 1)).jobs.length, 0);
    await steer(paused, 'resume');
    const after = await ManagerHarness.start(survivor.crash());
    assert.equal(after.manager.mode, 'started');
  });

  it('is answered when it is on disk', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    store.holdFlushes();
    const peer = new TestPeer();
    harness.send(peer, { type: 'steer', id: 1, to: 'pause' });
    await settle();
    assert.equal(peer.count('steered'), 0);
    store.releaseFlushes();
    await settle();
    assert.equal(peer.count('steered'), 1);
  });

  it('changes nothing where it is not paused', async () => {
    const harness = await ManagerHarness.start();
    await steer(harness, 'resume');
    assert.equal(harness.manager.mode, 'started');
  });
});

describe('draining a manager', () => {
  it('stops it once nothing runs, may be said again, and still takes commands', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n');
    const { peer, attempt } = await runOne(harness);
    assert.equal((await steer(harness, 'drain')).running, 1);
    assert.equal((await steer(harness, 'drain')).running, 1);
    assert.equal(harness.manager.mode, 'draining');
    assert.equal((await harness.add('c\n')).added, 1);
    await harness.clock.advance(5_000);
    assert.deepEqual(harness.stops, []);
    harness.send(peer, { type: 'report', id: 2, events: [ended(attempt, 'complete')] });
    await settle();
    assert.equal((await harness.reserve(peer, GROUP, 1)).leave, true);
    await harness.clock.advance(1_500);
    assert.deepEqual(harness.stops, ['it was drained']);
  });

  it('stops it right away when nothing runs', async () => {
    const harness = await ManagerHarness.start();
    assert.deepEqual((await steer(harness, 'drain')).running, 0);
    await harness.clock.advance(1);
    assert.deepEqual(harness.stops, ['it was drained']);
  });

  it('does not wait for what contact was lost with, and says how many those are', async () => {
    const harness = await ManagerHarness.start();
    harness.gone = false;
    await harness.add('a\n');
    await runOne(harness);
    await harness.clock.advance(61_000);
    const { running, lost } = await steer(harness, 'drain');
    assert.deepEqual([running, lost], [0, 1]);
  });

  it('leaves what contact was lost with to itself, and the next start settles it', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const ended: number[] = [];
    harness.endOrphan = ({ number }) => ended.push(number) < 0;
    // The runner is gone, its command is not.
    harness.gone = (_host, pid) => pid === 1;
    await harness.add('a\n', { retries: 3 });
    const { peer, attempt } = await runOne(harness);
    harness.manager.closed(peer);
    await harness.clock.advance(61_000);
    await steer(harness, 'drain');
    await harness.clock.advance(1_500);
    assert.deepEqual(harness.stops, ['it was drained']);
    await harness.manager.stop(1_000);
    assert.deepEqual([ended, peer.count('kill')], [[], 0]);
    const after = await ManagerHarness.start(store.crash());
    const { queue } = after.manager;
    const { killed, number = 0 } = queue.attempts.byToken(attempt) ?? {};
    assert.equal(killed, false);
    after.gone = true;
    for (let s = 0; s < 100 && queue.attempts.byToken(attempt) !== undefined; s += 1)
      await after.clock.advance(1_000);
    assert.equal(queue.table.state(number), STATE.delayed, 'it has failed, and is tried again');
  });

  it('cannot be undone, paused or resumed', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n');
    await runOne(harness);
    await steer(harness, 'drain');
    await assert.rejects(steer(harness, 'pause'), { code: 'DRAINING', message: /cannot pause/ });
    await assert.rejects(steer(harness, 'resume'), { code: 'DRAINING', message: /cannot resume/ });
  });
});
