import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StateCounts } from '../../core/client-replies.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import type { Request } from '../../core/protocol.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { momentOf } from '../../server/clock.ts';
import { MemoryStore } from '../../store/memory.ts';
import { HostRunner } from './host-runner.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name} ${i}\n`).join('');

async function counts(harness: ManagerHarness, repGroup: string): Promise<StateCounts> {
  const peer = new TestPeer();
  const id = harness.nextId();
  const select = { by: 'repGroup', repGroup, search: false } as const;
  harness.send(peer, {
    type: 'status',
    id,
    select,
    output: 'counts',
    states: [],
    limit: 0,
    env: false,
    host: '',
  });
  await settle();
  return peer.last('counts').counts;
}

async function change(harness: ManagerHarness, type: 'resume' | 'retry', repGroup: string): Promise<number> {
  const peer = new TestPeer();
  const select = { by: 'repGroup', repGroup, search: false } as const;
  const requestId = `change ${harness.nextId()}`;
  harness.send(peer, { type, id: harness.nextId(), requestId, select } as Request);
  await settle(40);
  harness.check();
  return peer.last('changed').changed;
}

/** Runs commands of a group until two of them are buried. */
async function bury(harness: ManagerHarness, times: number): Promise<void> {
  const runner = await HostRunner.connect(harness, `runner ${harness.nextId()}`);
  for (let i = 0; i < times; i += 1) {
    await runner.fill();
    await runner.end('bury');
  }
  while (runner.held.length > 0) await runner.end();
  await settle(40);
}

describe('a report group that stops', () => {
  it('suspends what waits at the last burial it may have, and what is added later, and says so', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('a', 50), { repGroup: 'g', maxFails: 2, retries: 0 });
    await harness.add(lines('other', 1), { repGroup: 'other', cpus: 0 });
    await bury(harness, 2);
    const stopped = await counts(harness, 'g');
    assert.deepEqual([stopped.buried, stopped.ready, stopped.delayed], [2, 0, 0]);
    assert.equal(stopped.suspended + stopped.complete, 48);
    const { warnings } = await harness.add(lines('b', 5), { repGroup: 'g' });
    await settle(40);
    assert.deepEqual(warnings, [
      'report group "g" was stopped, as 2 of its commands were buried (--max_fails): its commands are suspended until wr resume -i g',
    ]);
    const after = await counts(harness, 'g');
    assert.deepEqual([after.suspended, after.ready], [stopped.suspended + 5, 0]);
    harness.check();
  });

  it('goes on when it is resumed, and stops again after as many burials more', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('a', 50), { repGroup: 'g', maxFails: 2, retries: 0 });
    await bury(harness, 2);
    const { suspended } = await counts(harness, 'g');
    assert.equal(await change(harness, 'resume', 'g'), suspended);
    assert.equal((await counts(harness, 'g')).ready, suspended);
    await bury(harness, 1);
    assert.ok((await counts(harness, 'g')).ready > 0);
    await bury(harness, 1);
    const again = await counts(harness, 'g');
    assert.deepEqual([again.buried, again.ready], [4, 0]);
  });

  it('lets those run again that are retried', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('a', 9), { repGroup: 'g', maxFails: 1, retries: 0 });
    await bury(harness, 1);
    assert.equal(await change(harness, 'retry', 'g'), 1);
    const runner = await HostRunner.connect(harness, 'next');
    await runner.fill();
    assert.equal(runner.held.length, 1);
    await runner.end();
    assert.equal((await counts(harness, 'g')).buried, 0);
  });

  it('stays stopped over a restart, also one that comes before what waits is suspended', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(lines('a', 20), { repGroup: 'g', maxFails: 1, retries: 0 });
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, 1);
    const number = harness.manager.queue.attempts.byToken(jobs[0]?.attempt as number)?.number as number;
    harness.manager.queue.end(
      {
        event: 'ended',
        attempt: jobs[0]?.attempt as number,
        outcome: 'bury',
        exitCode: 1,
        reason: 'command exited non-zero',
        pid: 1,
        startedMs: 1,
        endedMs: 2,
        cwd: '',
        stdout: new Uint8Array(0),
        stderr: new Uint8Array(0),
        peakRamMb: 0,
        peakDiskMb: 0,
        cpuMs: 0,
      },
      momentOf(harness.clock),
      0,
    );
    assert.equal(harness.manager.queue.state(number), 8);
    // The result is on disk; the stop was not begun.
    await harness.manager.persist.flushed();
    const restarted = await ManagerHarness.start(store);
    await settle(40);
    const stopped = await counts(restarted, 'g');
    assert.deepEqual([stopped.buried, stopped.suspended, stopped.ready], [1, 19, 0]);
    restarted.check();
    const again = await ManagerHarness.start(store);
    await settle(40);
    assert.deepEqual((await counts(again, 'g')).suspended, 19);
    assert.equal(await change(again, 'resume', 'g'), 19);
    const last = await ManagerHarness.start(store);
    await settle(40);
    assert.deepEqual((await counts(last, 'g')).ready, 19);
  });
});
