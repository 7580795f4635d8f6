import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusRequest } from '../../core/client-requests.ts';
import { jobKey } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import type { Selector } from '../../core/selector.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { listJobs, runJobs } from './manager-steps.ts';

const SPAN_MS = 20_000;

const ask = (more: Partial<StatusRequest>): StatusRequest => ({
  type: 'status',
  id: 5,
  select: { by: 'all' },
  output: 'jobs',
  states: [],
  limit: 0,
  env: false,
  host: '',
  ...more,
});

async function answered(harness: ManagerHarness, more: Partial<StatusRequest>): Promise<TestPeer> {
  const peer = new TestPeer();
  harness.send(peer, ask(more));
  await settle();
  return peer;
}

describe('what completed lately', () => {
  it('is found over all report groups by when it ended, also after a restart', async () => {
    const harness = await ManagerHarness.start();
    const run = async (text: string, repGroup: string): Promise<void> => {
      await harness.add(text, { repGroup });
      await runJobs(harness, 10, 'complete');
      await harness.clock.advance(SPAN_MS);
    };
    await run('old\n', 'g');
    await run('a\nb\n', 'g');
    await run('c\n', 'h');
    await harness.add('waiting\n');
    const commands = async (from: ManagerHarness, recentMs: number): Promise<string[]> =>
      (await listJobs(from, { recentMs })).map(({ Cmd }) => Cmd);
    assert.deepEqual(await commands(harness, 2.5 * SPAN_MS), ['a', 'b', 'c']);
    assert.deepEqual(await commands(harness, 1.5 * SPAN_MS), ['c']);
    assert.deepEqual(await commands(harness, 0.5 * SPAN_MS), []);
    const [first] = await listJobs(harness, { recentMs: 9 * SPAN_MS, limit: 1 });
    assert.deepEqual([first?.Cmd, first?.Similar], ['old', 3]);
    const counts = (await answered(harness, { recentMs: 2.5 * SPAN_MS, output: 'counts' })).last('counts');
    assert.deepEqual([counts.counts.complete, counts.counts.ready], [3, 0]);
    const again = await ManagerHarness.start(harness.store);
    await again.clock.advance(3 * SPAN_MS);
    assert.deepEqual(await commands(again, 2.5 * SPAN_MS), ['a', 'b', 'c']);
  });

  it('leaves out what a late report told of, and tells of what ran again once', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('late\n');
    await runJobs(harness, 1, 'complete', { endedMs: harness.clock.nowMs() - 9 * SPAN_MS });
    await harness.add('again\n');
    await runJobs(harness, 1, 'complete');
    await harness.add('again\n', {}, { rerun: true });
    await runJobs(harness, 1, 'complete');
    const jobs = await listJobs(harness, { recentMs: SPAN_MS });
    assert.equal(jobs.filter(({ Cmd }) => Cmd === 'late').length, 0);
    assert.equal(new Set(jobs.map(({ Cmd }) => Cmd)).size, 1);
  });

  it('comes in pages that lose and repeat nothing', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(Array.from({ length: 1_300 }, (_, i) => `echo ${i}\n`).join(''));
    let ran = 0;
    while (ran < 1_300) ran += (await runJobs(harness, 1_300, 'complete')).length;
    const jobs = await listJobs(harness, { recentMs: SPAN_MS });
    assert.equal(jobs.length, 1_300);
    assert.equal(new Set(jobs.map(({ Key }) => Key)).size, 1_300);
  });
});

describe('counts and summaries of a host', () => {
  it('are of what runs or ran there alone', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\n', { repGroup: 'g' });
    await runJobs(harness, 1, 'complete');
    await runJobs(harness, 1, 'bury');
    const [job] = await listJobs(harness, { states: ['buried'] });
    const host = job?.Host as string;
    assert.notEqual(host, '');
    const select: Selector = { by: 'repGroup', repGroup: 'g', search: false };
    const counted = async (more: Partial<StatusRequest>): Promise<number[]> => {
      const { counts } = (await answered(harness, { ...more, output: 'counts' })).last('counts');
      return [counts.complete, counts.buried, counts.ready];
    };
    assert.deepEqual(await counted({ select, host }), [1, 1, 0]);
    assert.deepEqual(await counted({ host }), [0, 1, 0]);
    assert.deepEqual(await counted({ select, host: 'nohost' }), [0, 0, 0]);
    assert.deepEqual(await counted({ host: 'nohost' }), [0, 0, 0]);
    const summary = async (of: string) =>
      (await answered(harness, { select, host: of, output: 'summary' })).last('summary').groups;
    assert.deepEqual(
      (await summary(host)).map(({ repGroup, counts }) => [
        repGroup,
        counts.complete,
        counts.buried,
        counts.ready,
      ]),
      [['g', 1, 1, 0]],
    );
    assert.deepEqual(await summary('nohost'), []);
  });
});

describe('a summary of single commands', () => {
  it('is read from them, by report group', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n', { repGroup: 'g' });
    await runJobs(harness, 1, 'complete', { peakRamMb: 30, startedMs: 1_000, endedMs: 3_000 });
    await runJobs(harness, 1, 'complete', { peakRamMb: 10, startedMs: 2_000, endedMs: 3_000 });
    await harness.add('c\n', { repGroup: 'h' });
    await runJobs(harness, 1, 'bury');
    await harness.add('d\n', { repGroup: 'h' });
    const select: Selector = {
      by: 'keys',
      keys: Buffer.concat(['a', 'b', 'c', 'd'].map((cmd) => jobKey(cmd, DEFAULT_JOB_OPTIONS))),
    };
    const { groups, all } = (await answered(harness, { select, output: 'summary' })).last('summary');
    assert.deepEqual(
      groups.map(({ repGroup, counts }) => [repGroup, counts.complete, counts.buried, counts.ready]),
      [
        ['g', 2, 0, 0],
        ['h', 0, 1, 1],
      ],
    );
    assert.deepEqual([groups[0]?.memoryMb.mean, groups[0]?.wallMs.mean], [20, 1_500]);
    assert.deepEqual([groups[0]?.firstStartMs, groups[0]?.lastEndMs], [1_000, 3_000]);
    assert.deepEqual(
      groups[1]?.buried.map(({ exitCode, reason, keys }) => [exitCode, reason, keys.length]),
      [[1, 'command exited non-zero', 1]],
    );
    assert.deepEqual([all.counts.complete, all.counts.buried], [2, 1]);
  });
});
