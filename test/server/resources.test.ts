import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PageReply } from '../../core/client-replies.ts';
import { decodeFrame } from '../../core/codec.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { MemoryStore } from '../../store/memory.ts';
import { HostRunner } from './host-runner.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name} ${i}\n`).join('');

async function list(harness: ManagerHarness): Promise<StatusJob[]> {
  const peer = new TestPeer();
  const id = harness.nextId();
  const rest = { states: [], limit: 0, env: false, host: '' };
  harness.send(peer, { type: 'status', id, select: { by: 'all' }, output: 'jobs', ...rest });
  await settle();
  return peer.frames.flatMap((frame) => decodeFrame<PageReply>(frame).flatMap(({ jobs }) => jobs ?? []));
}

describe('counted resources of a manager', () => {
  it('bury what asks for more than there is, and say what was asked for and what there is', async () => {
    const harness = await ManagerHarness.start(undefined, {}, { gpu: 2 });
    const { warnings } = await harness.add(
      '{"cmd":"many","resources":{"gpu":3}}\n{"cmd":"other","resources":"fpga:1"}\n{"cmd":"fine","resources":{"gpu":2}}\n',
    );
    assert.deepEqual(
      warnings.map(
        (text) => /^commands that ask for so much cannot run here.*: (\S+) was asked/.exec(text)?.[1],
      ),
      ['fpga:1', 'gpu:3'],
    );
    await harness.clock.advance(100);
    const jobs = await list(harness);
    const of = (cmd: string) => jobs.find(({ Cmd }) => Cmd === cmd);
    assert.deepEqual(
      jobs.map(({ Cmd, State }) => [Cmd, State]),
      [
        ['many', 'buried'],
        ['other', 'buried'],
        ['fine', 'ready'],
      ],
    );
    assert.equal(of('many')?.FailReason, 'resource requirements cannot be met');
    assert.match(
      of('many')?.StdErr ?? '',
      /gpu:3 was asked for, and there is gpu:2 \(wr manager start --resources\)/,
    );
    assert.match(of('other')?.StdErr ?? '', /fpga:1 was asked for, and there is fpga:0/);
    assert.deepEqual(of('fine')?.Resources, ['gpu:2']);
    harness.check();
  });

  it('are handed to a runner with the job, shown while it runs, and kept over a restart', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store, {}, { gpu: 2 });
    await harness.add(lines('a', 3), { resources: { gpu: 1 } });
    const runner = await HostRunner.connect(harness);
    await runner.fill();
    assert.deepEqual(
      runner.held.map(({ order }) => order.resources),
      [{ gpu: [0] }, { gpu: [1] }],
    );
    await runner.end();
    const restarted = await ManagerHarness.start(store, {}, { gpu: 2 });
    restarted.check();
    const shown = (await list(restarted)).find(({ State }) => State === 'reserved' || State === 'running');
    assert.deepEqual([shown?.Resources, shown?.ResourceIds], [['gpu:1'], ['gpu:1']]);
    const next = await HostRunner.connect(restarted, 'another');
    await restarted.clock.advance(100);
    const group = restarted.manager.queue.groups.get(0).name;
    const { jobs } = await restarted.reserve(next.peer, group, 5);
    assert.deepEqual(
      jobs.map(({ resources }) => resources),
      [{ gpu: [0] }],
    );
    restarted.check();
  });

  it('gather for a command that needs several, rather than go to those that need one', async () => {
    const harness = await ManagerHarness.start(undefined, {}, { gpu: 2 });
    await harness.add(lines('one', 40), { resources: { gpu: 1 }, cpus: 0.1, memoryMb: 100 });
    const runner = await HostRunner.connect(harness);
    await runner.fill();
    await harness.add(lines('two', 1), { resources: { gpu: 2 }, cpus: 0.1, memoryMb: 100 });
    let ends = 0;
    for (; !runner.commands.includes('two 0') && ends < 20; ends += 1) {
      await harness.clock.advance(700);
      await runner.end();
      await runner.fill();
    }
    assert.ok(ends <= 6, `${ends} commands ended before it came`);
  });
});
