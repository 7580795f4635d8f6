import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInvariants } from '../../core/invariants.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { recover } from '../../server/recovery.ts';
import { dropSegmentWrite, readDirectory, readLive } from '../../store/layout.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness, settle, TestClock, TestPeer } from './manager-harness.ts';
import { runJobs } from './manager-steps.ts';

describe('recover', () => {
  it('counts the commands of segments that are not in the database, by report group, at every start', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\nb\nc\n', { repGroup: 'lost one' });
    await harness.add('d\n', { repGroup: 'kept one' });
    await runJobs(harness, 1, 'complete');
    const peer = new TestPeer();
    harness.send(peer, {
      type: 'suspend',
      id: harness.nextId(),
      requestId: 's',
      select: { by: 'repGroup', repGroup: 'lost one', search: false },
    });
    await settle();
    assert.equal(peer.last('changed').changed, 2);
    const first = [...readLive(store)][0]?.first ?? 0;
    await store.commit([dropSegmentWrite(readDirectory(store, first)?.segment ?? 0)]);
    for (let start = 0; start < 2; start += 1) {
      const queue = new JobQueue();
      const { missing } = await recover(store, queue, new TestClock(), () => undefined);
      assert.deepEqual(missing, { jobs: 2, segments: 1, repGroups: ['lost one'] });
      assert.deepEqual(checkInvariants(queue), []);
      assert.equal(queue.keys.size, 1);
    }
  });

  it('finds nothing missing of a database in order', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\nb\n');
    await runJobs(harness, 1, 'complete');
    const { missing } = await recover(store, new JobQueue(), new TestClock(), () => undefined);
    assert.equal(missing, null);
  });
});
