import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PageReply } from '../../core/client-replies.ts';
import type { StatusRequest } from '../../core/client-requests.ts';
import { decodeFrame } from '../../core/codec.ts';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { RunnerEvent } from '../../core/runner-messages.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);

async function report(harness: ManagerHarness, peer: TestPeer, ...events: RunnerEvent[]): Promise<void> {
  harness.send(peer, { type: 'report', id: harness.nextId(), events });
  await settle();
  harness.check();
}

/** Takes `count` jobs and ends them as told. */
async function run(
  harness: ManagerHarness,
  count: number,
  outcome: 'complete' | 'release' | 'bury',
): Promise<string[]> {
  const peer = await harness.connectRunner(GROUP);
  const { jobs } = await harness.reserve(peer, GROUP, count);
  const startedMs = harness.clock.nowMs();
  await report(
    harness,
    peer,
    ...jobs.map((job) => ended(job.attempt, outcome, { startedMs, endedMs: startedMs + 5 })),
  );
  return jobs.map((job) => Buffer.from(job.cmd).toString());
}

const STATUS: StatusRequest = {
  type: 'status',
  id: 0,
  select: { by: 'all' },
  output: 'jobs',
  states: [],
  limit: 0,
  env: false,
  host: '',
};

async function list(harness: ManagerHarness, request: Partial<StatusRequest> = {}): Promise<StatusJob[]> {
  const peer = new TestPeer();
  const whole: StatusRequest = { ...STATUS, id: harness.nextId(), ...request };
  harness.send(peer, whole);
  await settle();
  return peer.frames.flatMap((frame) => decodeFrame<PageReply>(frame).flatMap((page) => page.jobs));
}

describe('Manager', () => {
  it('adds commands, hands them out in order and records their success', async () => {
    const harness = await ManagerHarness.start();
    const added = await harness.add('echo 1\necho 2\necho 1\n');
    assert.deepEqual([added.added, added.queued, added.complete], [2, 1, 0]);
    assert.deepEqual(await run(harness, 10, 'complete'), ['echo 1', 'echo 2']);
    const again = await harness.add('echo 1\necho 3\n');
    assert.deepEqual([again.added, again.queued, again.complete], [1, 0, 1]);
    const [done] = await list(harness, {
      select: { by: 'repGroup', repGroup: 'manually_added', search: false },
      states: ['complete'],
      limit: 1,
    });
    assert.equal(done?.State, 'complete');
    assert.equal(done?.Similar, 1);
    assert.equal(done?.Walltime, 0.005);
  });

  it('knows complete commands when their keys have gone to the index on disk', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('echo 1\necho 2\n');
    await run(harness, 1, 'complete');
    await harness.clock.advance(2_000);
    assert.equal(harness.manager.queue.keys.size, 1);
    const again = await harness.add('echo 1\n');
    assert.deepEqual([again.added, again.complete], [0, 1]);
    const rerun = await harness.add('echo 1\n', {}, { rerun: true });
    assert.deepEqual([rerun.added, rerun.complete], [1, 0]);
  });

  it('queues nothing of an add with a bad line, and names the line', async () => {
    const harness = await ManagerHarness.start();
    await assert.rejects(harness.add('echo 1\necho 2\t{bad\n'), /line 2: /);
    assert.equal(harness.manager.queue.keys.size, 0);
    assert.equal((await harness.add('echo 1\n')).added, 1);
  });

  it('refuses an add with an option that cannot be carried out yet, by name and value, and queues nothing of it', async () => {
    const lines = [
      '{"cmd":"a","mounts":[{"Targets":[{"Path":"bucket"}]}]}',
      'a\t{"with_docker":"alpine"}',
      'a\t{"with_singularity":"image.sif"}',
      'a\t{"container_mounts":"/data"}',
      'a\t{"container_image_user":true}',
      'a\t{"monitor_docker":"?"}',
    ];
    const names = [/^mounts \(.*bucket/, /alpine/, /image\.sif/, /\/data/, /container_image_user/, /\(\?\)/];
    const harness = await ManagerHarness.start();
    for (const [index, line] of lines.entries()) {
      const refused = { code: 'NOT_SUPPORTED', message: names[index] as RegExp };
      await assert.rejects(harness.add(`echo plain\n${line}\n`), refused, line);
    }
    assert.deepEqual(await list(harness), []);
    assert.equal((await harness.add('echo plain\n')).added, 1);
  });

  it('tells of running commands what their runner touched last, before the page they are on', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n');
    const runner = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(runner, GROUP, 1);
    const attempt = jobs[0]?.attempt as number;
    const startedMs = harness.clock.nowMs();
    await report(harness, runner, { event: 'started', attempt, pid: 7, startedMs, cwd: '/w' });
    const usage = { attempt, peakRamMb: 70, peakDiskMb: 2, cpuMs: 1_500 };
    const output = { stdout: Buffer.from('half way'), stderr: new Uint8Array(0) };
    harness.send(runner, { type: 'touch', id: harness.nextId(), attempts: [{ ...usage, ...output }] });
    for (const limit of [0, 1]) {
      const peer = new TestPeer();
      harness.send(peer, { ...STATUS, id: harness.nextId(), limit });
      await settle();
      const [live, ...more] = peer.last('live').jobs;
      assert.deepEqual([live?.key, live?.peakRamMb, live?.cpuMs], [jobs[0]?.key, 70, 1_500]);
      assert.deepEqual([Buffer.from(live?.stdout ?? []).toString(), more], ['half way', []]);
    }
    await report(harness, runner, ended(attempt, 'release', { startedMs, endedMs: startedMs + 5 }));
    const after = new TestPeer();
    harness.send(after, { ...STATUS, id: harness.nextId() });
    await settle();
    assert.equal(after.count('live'), 0);
  });

  it('keeps what went wrong after a success with it', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n');
    const runner = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(runner, GROUP, 1);
    const stderr = Buffer.from('Behaviour problems:\n[false] ended with exit code 1');
    await report(harness, runner, ended(jobs[0]?.attempt as number, 'complete', { stderr }));
    const select = { by: 'repGroup', repGroup: 'manually_added', search: false } as const;
    const [job] = await list(harness, { select });
    assert.deepEqual([job?.State, job?.StdErr], ['complete', stderr.toString()]);
  });

  it('answers a repeated add with its first answer and queues nothing twice', async () => {
    const harness = await ManagerHarness.start();
    const first = await harness.add('echo 1\n', {}, { requestId: 'once' });
    const second = await harness.add('echo 1\n', {}, { requestId: 'once' });
    assert.deepEqual({ ...second, id: 0 }, { ...first, id: 0 });
    assert.equal(harness.manager.queue.keys.size, 1);
  });

  it('stops after --head commands', async () => {
    const harness = await ManagerHarness.start();
    assert.equal((await harness.add('a\nb\nc\nd\n', {}, { head: 3 })).added, 3);
  });

  it('queues nothing of an add whose client vanishes, and lets go of what was stored', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const peer = new TestPeer();
    const begin = {
      type: 'addBegin',
      id: 1,
      requestId: 'gone',
      defaults: DEFAULT_JOB_OPTIONS,
      rerun: false,
      head: 0,
      wantKeys: false,
    } as const;
    harness.send(peer, begin);
    for (let seq = 0; seq < 3; seq += 1) {
      harness.send(peer, { type: 'addFrame', requestId: 'gone', seq, bytes: Buffer.from(`echo ${seq}\n`) });
    }
    await settle();
    assert.equal(store.count('staged'), 3);
    peer.open = false;
    harness.manager.closed(peer);
    await settle();
    assert.deepEqual([store.count('staged'), store.count('segments')], [0, 0]);
    assert.equal(harness.manager.queue.keys.size, 0);
  });

  it('joins a line that came in parts', async () => {
    const harness = await ManagerHarness.start();
    const peer = new TestPeer();
    const requestId = 'parts';
    harness.send(peer, {
      type: 'addBegin',
      id: 1,
      requestId,
      defaults: DEFAULT_JOB_OPTIONS,
      rerun: false,
      head: 0,
      wantKeys: true,
    });
    harness.send(peer, {
      type: 'addFrame',
      requestId,
      seq: 0,
      bytes: Buffer.from('echo 1\necho he'),
      more: true,
    });
    harness.send(peer, { type: 'addFrame', requestId, seq: 1, bytes: Buffer.from('llo\necho 2\n') });
    harness.send(peer, { type: 'addEnd', id: 2, requestId, frames: 2 });
    await settle();
    assert.equal(peer.last('added').added, 3);
    assert.equal(
      Buffer.from(peer.last('addKeys').keys.subarray(16, 32)).toString('hex'),
      jobKeyHex('echo hello', DEFAULT_JOB_OPTIONS),
    );
  });

  it('does not answer a report before it is on disk, nor hand out a job whose reservation is not', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('echo 1\n');
    const peer = await harness.connectRunner(GROUP);
    store.holdFlushes();
    harness.send(peer, { type: 'reserve', id: 1, group: GROUP, count: 1, waitMs: 0 });
    await settle();
    assert.equal(peer.count('jobs'), 0);
    store.releaseFlushes();
    await settle();
    const token = peer.last('jobs').jobs[0]?.attempt ?? 0;
    store.holdFlushes();
    harness.send(peer, { type: 'report', id: 2, events: [ended(token, 'complete')] });
    await settle();
    assert.equal(peer.count('reported'), 0);
    store.releaseFlushes();
    await settle();
    assert.equal(peer.count('reported'), 1);
  });

  it('refuses an add for which the disk has no room, keeps nothing of it, and lives on', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    store.failNext('before');
    await assert.rejects(harness.add('echo 1\n'), { code: 'STORE_FULL' });
    assert.deepEqual(harness.errors, ['a request failed: the database could not be written']);
    assert.equal(harness.manager.queue.keys.size, 0);
    assert.equal((await harness.add('echo 1\n')).added, 1);
  });

  it('comes back after a crash with every acknowledged job in its state', async () => {
    const store = new MemoryStore();
    const before = await ManagerHarness.start(store);
    await before.add('a\nb\nc\nd\ne\n', { retries: 0 });
    const peer = await before.connectRunner(GROUP, 'survivor');
    const { jobs } = await before.reserve(peer, GROUP, 4);
    const tokens = jobs.map((job) => job.attempt) as [number, number, number, number];
    const startedMs = before.clock.nowMs();
    await report(
      before,
      peer,
      ended(tokens[0], 'complete', { startedMs }),
      ended(tokens[1], 'release', { startedMs }),
      { event: 'started', attempt: tokens[2], pid: 77, startedMs },
    );
    const after = await ManagerHarness.start(store.crash());
    after.check();
    const states = Object.fromEntries((await list(after)).map((job) => [job.Cmd, job.State]));
    assert.deepEqual(states, { b: 'buried', c: 'running', d: 'reserved', e: 'ready' });
    assert.equal((await after.add('a\n')).complete, 1);
    // The runner comes back with what it holds, and its report counts.
    const back = await after.connectRunner(GROUP, 'survivor', [tokens[2], tokens[3], 999]);
    assert.deepEqual(back.last('welcome').superseded, [999]);
    await report(after, back, ended(tokens[2], 'complete', { startedMs }));
    assert.deepEqual(back.last('reported').superseded, []);
    const next = await after.reserve(back, GROUP, 1);
    assert.ok((next.jobs[0]?.attempt ?? 0) > tokens[3], 'a token is never used again');
  });

  it('tells a runner whose attempt was given up that its report is superseded', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n');
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, 1);
    await harness.clock.advance(61_000);
    await report(harness, peer, ended(jobs[0]?.attempt ?? 0, 'complete'));
    assert.deepEqual(peer.last('reported').superseded, [jobs[0]?.attempt]);
    assert.equal((await list(harness))[0]?.State, 'ready');
  });

  it('gives a waiting runner the job that is added while it waits, and none after its wait', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n');
    const peer = await harness.connectRunner(GROUP);
    await harness.reserve(peer, GROUP, 1);
    const waiting = harness.reserve(peer, GROUP, 1, 5_000);
    await waiting;
    assert.equal(peer.count('jobs'), 1);
    await harness.add('b\n');
    assert.equal(Buffer.from(peer.last('jobs').jobs[0]?.cmd ?? []).toString(), 'b');
    await harness.reserve(peer, GROUP, 1, 5_000);
    await harness.clock.advance(6_000);
    assert.equal(peer.last('jobs').jobs.length, 0);
    assert.equal(peer.count('jobs'), 3);
  });

  it('kills, retries and removes by selector and says how many of how many', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\n', { repGroup: 'mine', retries: 0 });
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, 1);
    const startedMs = harness.clock.nowMs();
    await report(harness, peer, { event: 'started', attempt: jobs[0]?.attempt ?? 0, pid: 5, startedMs });
    const client = new TestPeer();
    const select = { by: 'repGroup', repGroup: 'mine', search: false } as const;
    harness.send(client, { type: 'kill', id: 1, requestId: 'k', select, confirmDead: false, ageMs: 0 });
    await settle();
    assert.deepEqual(client.last('changed'), { type: 'changed', id: 1, changed: 1, eligible: 1 });
    assert.deepEqual(peer.last('kill').attempts, [jobs[0]?.attempt]);
    await report(
      harness,
      peer,
      ended(jobs[0]?.attempt ?? 0, 'bury', { reason: 'killed by user request', exitCode: -1, startedMs }),
    );
    harness.send(client, { type: 'retry', id: 2, requestId: 'r', select: { by: 'all' } });
    await settle();
    assert.deepEqual(client.last('changed'), { type: 'changed', id: 2, changed: 1, eligible: 1 });
    harness.send(client, { type: 'remove', id: 3, requestId: 'd', select, buriedOnly: false });
    await settle();
    assert.deepEqual(client.last('changed'), { type: 'changed', id: 3, changed: 3, eligible: 3 });
    harness.check();
    assert.deepEqual(await list(harness), []);
    assert.equal((await harness.add('a\n')).added, 1);
  });

  it('shows one job of each kind and says how many more there are', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\nd\n', { retries: 0 });
    await run(harness, 1, 'release');
    const jobs = await list(harness, { limit: 1 });
    assert.deepEqual(
      jobs.map((job) => [job.State, job.FailReason, job.Similar]),
      [
        ['buried', 'command exited non-zero', 0],
        ['ready', '', 2],
      ],
    );
  });

  it('tells who waits for a job when it is over', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n', { retries: 0 });
    const client = new TestPeer();
    const key = Buffer.from(jobKeyHex('a', DEFAULT_JOB_OPTIONS), 'hex');
    harness.send(client, { type: 'settle', id: 5, key });
    await settle();
    assert.equal(client.count('settled'), 0);
    await run(harness, 1, 'release');
    assert.equal(client.last('settled').job?.State, 'buried');
  });

  it('tells of an end only when it is on disk, also one that is there when it is asked for', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\n');
    const peer = await harness.connectRunner(GROUP);
    const [job] = (await harness.reserve(peer, GROUP, 1)).jobs;
    store.holdFlushes();
    await report(harness, peer, ended(job?.attempt ?? 0, 'complete'));
    const client = new TestPeer();
    harness.send(client, {
      type: 'settle',
      id: 5,
      key: Buffer.from(jobKeyHex('a', DEFAULT_JOB_OPTIONS), 'hex'),
    });
    await settle();
    assert.equal(client.count('settled'), 0);
    store.releaseFlushes();
    await settle();
    assert.equal(client.last('settled').job?.State, 'complete');
  });

  it('answers counts and a summary from the counters', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\n', { retries: 0, repGroup: 'g' });
    await run(harness, 1, 'complete');
    await run(harness, 1, 'bury');
    const client = new TestPeer();
    const request = {
      type: 'status',
      id: 1,
      select: { by: 'all' },
      states: [],
      limit: 1,
      env: false,
      host: '',
    } as const;
    harness.send(client, { ...request, output: 'counts' });
    harness.send(client, { ...request, output: 'summary' });
    await settle();
    const { ready, buried, complete } = client.last('counts').counts;
    assert.deepEqual([ready, buried, complete], [1, 1, 1]);
    const [group] = client.last('summary').groups;
    assert.equal(group?.memoryMb.mean, 10);
    assert.equal(group?.buried[0]?.keys.length, 1);
  });
});
