import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobKey } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import type { Selector } from '../../core/selector.ts';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { GROUP, runJobs } from './manager-steps.ts';

async function watch(harness: ManagerHarness, select: Selector): Promise<TestPeer> {
  const peer = new TestPeer();
  harness.send(peer, { type: 'watch', id: 7, select, everyMs: 250 });
  await settle();
  return peer;
}

const group = (repGroup: string): Selector => ({ by: 'repGroup', repGroup, search: false });
const keys = (...commands: string[]): Selector => ({
  by: 'keys',
  keys: Buffer.concat(commands.map((command) => jobKey(command, DEFAULT_JOB_OPTIONS))),
});

/** What was told last: ready, running, complete, buried, removed, missing, idle. */
function told(peer: TestPeer) {
  const { counts, removed, missing, idle } = peer.last('watched');
  return [
    counts.ready,
    counts.running + counts.reserved,
    counts.complete,
    counts.buried,
    removed,
    missing,
    idle,
  ];
}

describe('watching', () => {
  it('tells that nothing will run by itself when what is ready may not', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n', { repGroup: 'g', limitGroups: ['shut:0'] });
    const peer = await watch(harness, group('g'));
    assert.deepEqual(told(peer), [2, 0, 0, 0, 0, 0, true]);
    await harness.add('c\n', { repGroup: 'h', limitGroups: ['open:1'] });
    await harness.clock.advance(250);
    assert.deepEqual(told(peer), [2, 0, 0, 0, 0, 0, false], 'another group may');
    const { limits } = harness.manager.queue.groups;
    limits.set('open', 0);
    await harness.clock.advance(250);
    assert.deepEqual(told(peer), [2, 0, 0, 0, 0, 0, true]);
    limits.set('shut', 1);
    await harness.clock.advance(250);
    assert.deepEqual(told(peer), [2, 0, 0, 0, 0, 0, false], 'they may now');
  });

  it('adds up thousands of report groups that a part of their name selects, giving way to others', async () => {
    const harness = await ManagerHarness.start();
    const groups = 2_500;
    const lines = Array.from({ length: groups }, (_, i) =>
      JSON.stringify({ cmd: `c${i}`, rep_grp: `part ${i}` }),
    );
    await harness.add(`${lines.join('\n')}\n`);
    await harness.add('other\n', { repGroup: 'h' });
    const peer = await watch(harness, { by: 'repGroup', repGroup: 'part', search: true });
    assert.deepEqual(told(peer).slice(0, 3), [groups, 0, 0]);
    await runJobs(harness, 1, 'complete');
    await harness.clock.advance(250);
    assert.equal(peer.last('watched').counts.ready, groups - 1);
  });

  it('tells how a report group stands, now and whenever it has changed', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\n', { repGroup: 'g' });
    await harness.add('other\n', { repGroup: 'h' });
    const peer = await watch(harness, group('g'));
    assert.deepEqual(told(peer), [3, 0, 0, 0, 0, 0, false]);
    await harness.clock.advance(10_000);
    assert.equal(peer.count('watched'), 1, 'nothing changed');
    await runJobs(harness, 2, 'complete');
    await harness.clock.advance(250);
    assert.deepEqual(told(peer), [1, 0, 2, 0, 0, 0, false]);
    await runJobs(harness, 1, 'bury');
    await harness.clock.advance(250);
    assert.deepEqual(told(peer), [0, 0, 2, 1, 0, 0, false], 'the other group is not idle yet');
    await runJobs(harness, 1, 'complete');
    await harness.clock.advance(250);
    assert.deepEqual(told(peer), [0, 0, 2, 1, 0, 0, true]);
    harness.send(new TestPeer(), {
      type: 'remove',
      id: 8,
      requestId: 'r',
      select: group('g'),
      buriedOnly: false,
    });
    await harness.clock.advance(500);
    assert.deepEqual(told(peer), [0, 0, 2, 0, 1, 0, true]);
  });

  it('follows single commands, complete ones, unknown ones and removed ones', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('done\n');
    await runJobs(harness, 1, 'complete');
    await harness.clock.advance(3_000);
    await harness.add('x\na\nb\n');
    const peer = await watch(harness, keys('done', 'b', 'nobody', 'a'));
    assert.deepEqual(told(peer), [2, 0, 1, 0, 0, 1, false]);
    harness.send(new TestPeer(), {
      type: 'remove',
      id: 8,
      requestId: 'r',
      select: keys('a'),
      buriedOnly: false,
    });
    await harness.clock.advance(500);
    assert.deepEqual(told(peer), [1, 0, 1, 0, 1, 1, false]);
    await runJobs(harness, 2, 'complete');
    await harness.clock.advance(5_000);
    assert.deepEqual(told(peer), [0, 0, 2, 0, 1, 1, true]);
  });

  it('tells of nothing that is not on disk', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\n');
    const peer = await watch(harness, { by: 'all' });
    const runner = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(runner, GROUP, 1);
    store.holdFlushes();
    const events = jobs.map(({ attempt }) => ended(attempt, 'complete'));
    harness.send(runner, { type: 'report', id: harness.nextId(), events });
    await harness.clock.advance(1_000);
    assert.equal(harness.manager.queue.repGroups.totals[STATE.complete], 1);
    assert.equal(peer.last('watched').counts.complete, 0);
    store.releaseFlushes();
    await harness.clock.advance(1_000);
    assert.equal(peer.last('watched').counts.complete, 1);
  });

  it('is given up with its connection', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n');
    const peer = await watch(harness, { by: 'all' });
    harness.manager.closed(peer);
    await harness.add('b\n');
    await harness.clock.advance(1_000);
    assert.equal(peer.count('watched'), 1);
  });
});
