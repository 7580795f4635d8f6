import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PageReply, SummaryReply } from '../../core/client-replies.ts';
import type { StatusRequest } from '../../core/client-requests.ts';
import { decodeFrame } from '../../core/codec.ts';
import { STATE } from '../../core/states.ts';
import { MemoryStore } from '../../store/memory.ts';
import { queryInline } from '../../workers/query.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { GROUP, listJobs, report, runJobs } from './manager-steps.ts';

const SELECT = { by: 'repGroup', repGroup: 'g', search: false } as const;

async function ask(harness: ManagerHarness, more: Partial<StatusRequest>): Promise<TestPeer> {
  const peer = new TestPeer();
  const request = { states: [], limit: 0, env: false, host: '' };
  const select = { by: 'all' } as const;
  const id = harness.nextId();
  harness.send(peer, { type: 'status', id, select, output: 'counts', ...request, ...more });
  await settle();
  return peer;
}

describe('complete commands of a report group', () => {
  /** Runs commands at the same time: each with its start and end after now. */
  async function run(
    harness: ManagerHarness,
    times: Record<string, readonly [number, number]>,
  ): Promise<void> {
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, Object.keys(times).length);
    const nowMs = harness.clock.nowMs();
    const events = jobs.map((job) => {
      const [start, end] = times[Buffer.from(job.cmd).toString()] as readonly [number, number];
      return ended(job.attempt, 'complete', { startedMs: nowMs + start, endedMs: nowMs + end });
    });
    await report(harness, peer, ...events);
  }

  it('are listed after the others, by start and then by end', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\nb\nc\nd', { repGroup: 'g' });
    await run(harness, { a: [30, 40], b: [10, 99], c: [10, 20], d: [5, 50] });
    await harness.add('e', { repGroup: 'g' });
    for (const each of [harness, await ManagerHarness.start(store)]) {
      const jobs = await listJobs(each, { select: SELECT });
      assert.deepEqual(
        jobs.map(({ Cmd }) => Cmd),
        ['e', 'd', 'c', 'b', 'a'],
      );
      const [, first] = await listJobs(each, { select: SELECT, limit: 1 });
      assert.deepEqual([first?.Cmd, first?.Similar], ['d', 3]);
    }
  });

  it('are in order over many pages, each once', async () => {
    const harness = await ManagerHarness.start();
    const commands = Array.from({ length: 1_200 }, (_, i) => `c${i}`);
    await harness.add(commands.join('\n'), { repGroup: 'g' });
    for (let i = 0; i < commands.length; i += 200) {
      const startedMs = harness.clock.nowMs() - i * 1_000;
      await runJobs(harness, 200, 'complete', { startedMs, endedMs: startedMs + 100_000 });
    }
    const jobs = await listJobs(harness, { select: SELECT });
    const starts = jobs.map(({ wr }) => wr?.startedMs ?? 0);
    assert.deepEqual(
      starts,
      [...starts].sort((a, b) => a - b),
    );
    assert.equal(new Set(jobs.map(({ Cmd }) => Cmd)).size, commands.length);
    assert.equal(jobs.length, commands.length);
  });

  it('that complete while they are being ordered come behind', async () => {
    const store = new MemoryStore();
    const harness: ManagerHarness = await ManagerHarness.start(store, {
      query: async (task) => {
        const answer = queryInline(task, store);
        if (task.kind === 'endedOrder') await runJobs(harness, 1, 'complete');
        return answer;
      },
    });
    await harness.add('a\nb\nc', { repGroup: 'g' });
    await runJobs(harness, 2, 'complete');
    const peer = await ask(harness, { output: 'jobs', select: SELECT });
    await settle(100);
    const jobs = peer.frames.flatMap((frame) => decodeFrame<PageReply>(frame).flatMap((page) => page.jobs));
    assert.deepEqual(
      jobs.map(({ Cmd, State }) => `${Cmd} ${State}`),
      ['a complete', 'b complete', 'c complete'],
    );
  });
});

describe('counts and summaries', () => {
  async function scene(): Promise<ManagerHarness> {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc', { repGroup: 'g' });
    await runJobs(harness, 1, 'complete');
    await runJobs(harness, 1, 'bury', { exitCode: 3, reason: 'command exited non-zero' });
    await harness.add('d', { repGroup: 'h' });
    return harness;
  }
  const shown = ({ groups, all }: SummaryReply): unknown[] =>
    [...groups, all].map(({ repGroup, counts: { complete, ready, buried }, wallMs, buried: kinds }) => [
      repGroup,
      complete,
      ready,
      buried,
      wallMs.mean > 0,
      kinds.length,
    ]);

  it('are of all states without a filter', async () => {
    const harness = await scene();
    const summary = (await ask(harness, { output: 'summary' })).last('summary');
    assert.deepEqual(shown(summary), [
      ['g', 1, 1, 1, true, 1],
      ['h', 0, 1, 0, false, 0],
      ['all above', 1, 2, 1, true, 0],
    ]);
  });

  it('are of the states asked for', async () => {
    const harness = await scene();
    const buried = (await ask(harness, { output: 'summary', states: ['buried'] })).last('summary');
    assert.deepEqual(shown(buried), [
      ['g', 0, 0, 1, false, 1],
      ['all above', 0, 0, 1, false, 0],
    ]);
    const ready = (await ask(harness, { output: 'summary', states: ['ready'], select: SELECT })).last(
      'summary',
    );
    assert.deepEqual(shown(ready), [
      ['g', 0, 1, 0, false, 0],
      ['all above', 0, 1, 0, false, 0],
    ]);
    const { counts } = (await ask(harness, { states: ['buried', 'ready'] })).last('counts');
    assert.deepEqual([counts.complete, counts.ready, counts.buried], [0, 2, 1]);
    const missing = await ask(harness, { output: 'summary', missingDeps: true });
    assert.deepEqual(missing.last('summary').groups, []);
  });
});

describe('a summary of very many report groups', () => {
  it('comes in parts, no faster than they are read, and in slices', async () => {
    const harness = await ManagerHarness.start();
    const { repGroups } = harness.manager.queue;
    for (let i = 0; i < 1_000; i += 1) repGroups.move(repGroups.intern(`g${i}`), STATE.none, STATE.buried, 1);
    const peer = new TestPeer();
    peer.bufferedBytes = 64 * 1024 * 1024;
    const request = { states: [], limit: 0, env: false, host: '', output: 'summary' } as const;
    const select = { by: 'repGroup', repGroup: 'g', search: true } as const;
    harness.send(peer, { type: 'status', id: 1, select, ...request });
    await harness.clock.advance(1_000);
    assert.deepEqual([peer.count('summaryPart'), peer.count('summary')], [1, 0]);
    peer.bufferedBytes = 0;
    await harness.clock.advance(1_000);
    const parts = peer.received.flatMap((reply) => (reply.type === 'summaryPart' ? [reply.groups] : []));
    const { groups, all } = peer.last('summary');
    const names = [...parts, groups].flat().map(({ repGroup }) => repGroup);
    assert.equal(new Set(names).size, 1_000);
    assert.equal(names.length, 1_000);
    assert.equal(all.counts.buried, 1_000);
    assert.ok(parts.every((part) => part.length <= 256));
  });

  it('ends when its reader has left', async () => {
    const harness = await ManagerHarness.start();
    const { repGroups } = harness.manager.queue;
    for (let i = 0; i < 1_000; i += 1) repGroups.move(repGroups.intern(`g${i}`), STATE.none, STATE.buried, 1);
    const peer = new TestPeer();
    peer.bufferedBytes = 64 * 1024 * 1024;
    const request = { states: [], limit: 0, env: false, host: '', output: 'summary' } as const;
    harness.send(peer, { type: 'status', id: 1, select: { by: 'all' }, ...request });
    await harness.clock.advance(1_000);
    peer.open = false;
    await harness.clock.advance(1_000);
    assert.deepEqual([peer.count('summaryPart'), peer.count('summary')], [1, 0]);
  });
});
