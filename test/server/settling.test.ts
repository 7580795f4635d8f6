import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { MemoryStore } from '../../store/memory.ts';
import { queryInline } from '../../workers/query.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { runJobs } from './manager-steps.ts';

function ask(harness: ManagerHarness, peer: TestPeer, id: number, cmd: string): void {
  const key = Buffer.from(jobKeyHex(cmd, DEFAULT_JOB_OPTIONS), 'hex');
  harness.send(peer, { type: 'settle', id, key });
}

describe('clients that wait for the end of a command', () => {
  it('are told of each end they asked for, also when others that asked for it have left', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb');
    const [stays, leaves] = [new TestPeer(), new TestPeer()];
    for (const peer of [leaves, stays]) {
      ask(harness, peer, 1, 'a');
      ask(harness, peer, 2, 'b');
    }
    await settle();
    leaves.open = false;
    harness.manager.closed(leaves);
    await runJobs(harness, 2, 'complete');
    assert.deepEqual([stays.count('settled'), leaves.count('settled')], [2, 0]);
  });

  it('are told when the record of that end cannot be read', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store, {
      query: async (task) => {
        if (task.kind === 'page') throw new Error('the disk is gone');
        return queryInline(task, store);
      },
    });
    await harness.add('a');
    const peer = new TestPeer();
    ask(harness, peer, 7, 'a');
    await runJobs(harness, 1, 'complete');
    const { id, message } = peer.last('error');
    assert.deepEqual([id, message], [7, 'the disk is gone']);
  });

  it('that left while their command was looked up are not kept', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a');
    const peer = new TestPeer();
    ask(harness, peer, 1, 'a');
    peer.open = false;
    harness.manager.closed(peer);
    await runJobs(harness, 1, 'complete');
    assert.equal(peer.received.length, 0);
  });
});
