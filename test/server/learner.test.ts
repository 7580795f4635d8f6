import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PageReply } from '../../core/client-replies.ts';
import { decodeFrame } from '../../core/codec.ts';
import { WrError } from '../../core/errors.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { EndedEvent, JobOrder } from '../../core/runner-messages.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { momentOf } from '../../server/clock.ts';
import { readLearned, readUsage } from '../../store/group-tables.ts';
import { MemoryStore } from '../../store/memory.ts';
import { learnFrom } from '../../workers/learn.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);

/** Takes one job of the default group and ends it. */
async function runOne(
  harness: ManagerHarness,
  outcome: EndedEvent['outcome'],
  more: Partial<EndedEvent> = {},
  group = GROUP,
): Promise<JobOrder> {
  const peer = await harness.connectRunner(group);
  const { jobs } = await harness.reserve(peer, group, 1);
  const [job] = jobs;
  assert.ok(job, `a job of ${group}`);
  const startedMs = harness.clock.nowMs();
  const events = [ended(job.attempt, outcome, { startedMs, endedMs: startedMs + 4_200, ...more })];
  harness.send(peer, { type: 'report', id: harness.nextId(), events });
  await settle();
  harness.check();
  return job;
}

async function list(harness: ManagerHarness): Promise<StatusJob[]> {
  const peer = new TestPeer();
  const select = { by: 'repGroup', repGroup: 'manually_added', search: false } as const;
  const id = harness.nextId();
  harness.send(peer, {
    type: 'status',
    id,
    select,
    output: 'jobs',
    states: [],
    limit: 0,
    env: false,
    host: '',
  });
  await settle();
  return peer.frames.flatMap((frame) => decodeFrame<PageReply>(frame).flatMap((page) => page.jobs));
}

/** Name and ready jobs of the scheduler groups that planning sees. */
function groups(harness: ManagerHarness): string[] {
  const { active } = harness.manager.queue.groups;
  return [...active].map(({ name, ready }) => `${name} ×${ready.ready}`).sort();
}

const learnt = (harness: ManagerHarness): Promise<void> => harness.clock.advance(300);
const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name} ${i}\n`).join('');

describe('learning', () => {
  it('gives waiting commands what the first ones of their requirement group used', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('sort', 5) + lines('grep', 2));
    await runOne(harness, 'complete', { peakRamMb: 230, peakDiskMb: 10 });
    await learnt(harness);
    assert.deepEqual(groups(harness), [`${GROUP} ×2`, '400:30:1:1 ×4']);
    const jobs = await list(harness);
    const waiting = jobs.find(({ State, ReqGroup }) => State === 'ready' && ReqGroup === 'sort');
    assert.deepEqual([waiting?.ExpectedRAM, waiting?.ExpectedTime, waiting?.RequestedDisk], [300, 5, 1]);
    assert.deepEqual(waiting?.ExpectedFrom, {
      RAM: { From: 'learned', Asked: 1024, Runs: 1 },
      Time: { From: 'learned', Asked: 3600, Runs: 1 },
      Disk: { From: 'learned', Asked: 0, Runs: 1 },
    });
    const done = jobs.find(({ State }) => State === 'complete');
    assert.deepEqual([done?.ExpectedRAM, done?.ExpectedFrom.RAM.From], [1024, 'default']);
    const other = jobs.find(({ ReqGroup }) => ReqGroup === 'grep');
    assert.deepEqual([other?.ExpectedRAM, other?.ExpectedFrom.RAM.From], [1024, 'default']);
  });

  it('applies at once to commands that are added later', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('sort 1\n');
    await runOne(harness, 'complete', { peakRamMb: 230 });
    await learnt(harness);
    await harness.add('sort 2\n', { override: 1, memoryMb: 100, memorySet: true, repGroup: 'other' });
    await harness.add('sort 3\n', {
      override: 2,
      memoryMb: 100,
      memorySet: true,
      timeSet: true,
      diskSet: true,
    });
    assert.deepEqual(groups(harness), ['200:60:1:0 ×1', '400:30:1:1 ×1']);
  });

  it('is the same after a restart, also when the manager died before it had learned', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(lines('sort', 4));
    await runOne(harness, 'complete', { peakRamMb: 230, peakDiskMb: 10 });
    await learnt(harness);
    const after = await ManagerHarness.start(store);
    assert.deepEqual(groups(after), ['400:30:1:1 ×3']);
    await runOne(after, 'complete', { peakRamMb: 830 }, '400:30:1:1');
    const again = await ManagerHarness.start(store);
    assert.deepEqual(groups(again), ['400:30:1:1 ×2'], 'the figure is on disk, and not learned from yet');
    await learnt(again);
    assert.deepEqual(groups(again), ['1000:30:1:1 ×2']);
    again.check();
    const [sample] = (await list(again)).filter(({ State }) => State === 'ready');
    assert.equal(sample?.ExpectedFrom.RAM.Runs, 2);
  });

  it('leaves an attempt what it was given, also over a restart, and counts that where it was taken from', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(lines('sort', 3));
    const peer = await harness.connectRunner(GROUP, 'long');
    const held = await harness.reserve(peer, GROUP, 1);
    await runOne(harness, 'complete', { peakRamMb: 230, peakDiskMb: 10 });
    await learnt(harness);
    const after = await ManagerHarness.start(store);
    after.check();
    const { queue } = after.manager;
    const [attempt] = [...queue.attempts.all()];
    assert.equal(attempt?.token, held.jobs[0]?.attempt);
    assert.equal(attempt?.given.memoryMb, 1_024);
    assert.equal(queue.groups.get(attempt?.group ?? -1).name, GROUP);
    const [job] = (await list(after)).filter(({ State }) => State === 'reserved');
    assert.deepEqual([job?.ExpectedRAM, job?.ExpectedFrom.RAM.From], [1_024, 'default']);
    queue.release(attempt?.token ?? 0, '', momentOf(after.clock), 0);
    assert.deepEqual(groups(after), ['400:30:1:1 ×2']);
    after.check();
  });

  it('records only what a failed command ran out of', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('sort', 3));
    await runOne(harness, 'release', { reason: 'command exited non-zero', peakRamMb: 700 });
    await learnt(harness);
    assert.equal(readLearned(harness.store, 'sort')?.runs.memory, 0);
    await runOne(harness, 'release', { reason: 'command used too much RAM', exitCode: -1, peakRamMb: 1_700 });
    await learnt(harness);
    assert.deepEqual(readLearned(harness.store, 'sort')?.runs, { memory: 1, disk: 0, time: 0 });
    assert.deepEqual([...readUsage(harness.store, 'sort').memory], [1_700]);
    // The untouched one is given what was learned, the one that ran out twice of what it had.
    await harness.clock.advance(100_000);
    assert.deepEqual(groups(harness), ['1700:60:1:0 ×2', '3400:60:1:0 ×1']);
  });

  it('remembers over a restart what a command has grown to, and says so', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('sort 1\n', { override: 1, timeSet: true });
    const reason = 'command used too much time';
    await runOne(harness, 'release', { reason, exitCode: -1 });
    const after = await ManagerHarness.start(store);
    after.check();
    await after.clock.advance(100_000);
    const [job] = await list(after);
    assert.deepEqual([job?.State, job?.ExpectedTime], ['ready', 3_600 + 60]);
    assert.deepEqual(job?.ExpectedFrom.Time, { From: 'grown', Asked: 3600, Runs: 1 });
    assert.deepEqual(groups(after), ['1024:90:1:0 ×1']);
  });

  it('never asks for more than the machine has because of what it learned', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('sort 1\n');
    await runOne(harness, 'release', { reason: 'command used too much RAM', peakRamMb: 7_000 });
    await harness.clock.advance(100_000);
    const [job] = await list(harness);
    assert.deepEqual([job?.State, job?.ExpectedRAM], ['ready', 8_000]);
  });

  it('serves a runner started for what commands asked for before something was learned', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('sort', 3));
    await runOne(harness, 'complete', { peakRamMb: 230 });
    await learnt(harness);
    const order = await runOne(harness, 'complete', { peakRamMb: 230 });
    assert.deepEqual([order.memoryMb, order.timeMs], [300, 5_000]);
    // One that waits is served when they come.
    await runOne(harness, 'complete', { peakRamMb: 230 });
    const peer = await harness.connectRunner(GROUP);
    harness.send(peer, { type: 'reserve', id: harness.nextId(), group: GROUP, count: 1, waitMs: 60_000 });
    await harness.add('sort again\n');
    assert.equal(peer.last('jobs').jobs.length, 1);
    harness.check();
  });

  it('asks the pool only when there is something new, and again after it failed', async () => {
    const store = new MemoryStore();
    let asked = 0;
    let failing = true;
    const harness = await ManagerHarness.start(store, {
      learn: async ({ groups }) => {
        asked += 1;
        if (failing) throw new WrError('WORKER_FAILED', 'a worker failed');
        return learnFrom(store, groups);
      },
    });
    await harness.add(lines('sort', 50));
    await runOne(harness, 'complete');
    await harness.clock.advance(2_000);
    assert.equal(asked, 1);
    failing = false;
    await harness.clock.advance(5_000);
    assert.equal(asked, 2);
    for (let i = 0; i < 10; i += 1) {
      await runOne(harness, 'complete');
      await learnt(harness);
    }
    assert.equal(asked, 2, 'all used the same');
    assert.equal(readLearned(store, 'sort')?.runs.time, 11);
  });

  it('learns nothing of the disk in a directory that is the user’s own', async () => {
    const harness = await ManagerHarness.start();
    const own: Partial<JobOptions> = { cwdMatters: true };
    await harness.add(lines('sort', 2), own);
    await runOne(harness, 'complete');
    await learnt(harness);
    assert.deepEqual(groups(harness), ['200:30:1:0 ×1']);
  });
});
