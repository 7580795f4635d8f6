import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness } from './manager-harness.ts';
import { GROUP } from './manager-steps.ts';

describe('a command that cannot be read from the database', () => {
  it('is buried with that reason, so that the others are handed out', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('unreadable', { priority: 9 });
    await harness.add('good');
    // The first add's segment.
    await store.commit([{ table: 'segments', key: Uint8Array.of(0, 0, 0, 1), value: null }]);
    const peer = await harness.connectRunner(GROUP);
    assert.deepEqual((await harness.reserve(peer, GROUP, 1)).jobs, []);
    const { queue } = harness.manager;
    assert.equal(queue.state(1), STATE.buried);
    assert.equal(queue.attempts.size, 0);
    harness.check();
    const { jobs } = await harness.reserve(peer, GROUP, 1);
    assert.deepEqual(
      jobs.map(({ cmd }) => Buffer.from(cmd).toString()),
      ['good'],
    );
  });
});
