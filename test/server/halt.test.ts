import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

describe('a manager in which something failed', () => {
  it('writes, answers and hands out nothing any more, and the next one goes on from what was on disk', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('echo one\necho two\n');
    const [group] = harness.manager.queue.groups.active;
    const runner = await harness.connectRunner(group?.name ?? '', 'its runner');
    const { jobs } = await harness.reserve(runner, group?.name ?? '', 1);
    const [{ attempt } = { attempt: 0 }] = jobs;
    const writes = store.writes;
    const answers = runner.received.length;

    // Half of what this report changes may be what failed.
    const report = [ended(attempt, 'complete')];
    harness.send(runner, { type: 'report', id: harness.nextId(), events: report });
    harness.manager.halt();
    const late = new TestPeer();
    harness.send(late, { type: 'ping', id: harness.nextId() });
    harness.manager.closed(runner);
    await harness.clock.advance(120_000);
    await settle();
    assert.equal(store.writes, writes);
    assert.equal(runner.received.length, answers);
    assert.deepEqual(late.received, []);

    const next = await ManagerHarness.start(store);
    const peer = await next.connectRunner(group?.name ?? '', 'its runner', [attempt]);
    assert.deepEqual(peer.last('welcome').superseded, []);
    next.send(peer, { type: 'report', id: next.nextId(), events: report });
    await settle();
    assert.deepEqual(peer.last('reported').superseded, []);
    assert.equal(next.manager.queue.repGroups.totals[STATE.complete], 1);
    next.check();
  });
});
