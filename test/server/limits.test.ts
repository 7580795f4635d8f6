import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { readLimits } from '../../store/layout.ts';
import { MemoryStore } from '../../store/memory.ts';
import { HostRunner } from './host-runner.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const groupOf = (limitGroups: readonly string[], memoryMb = 1024): string =>
  schedulerGroupOf({ ...DEFAULT_JOB_OPTIONS, limitGroups, memoryMb });

async function setLimit(
  harness: ManagerHarness,
  group: string,
  limit: number | null,
): Promise<readonly { readonly name: string; readonly limit: number }[]> {
  const peer = new TestPeer();
  harness.send(peer, { type: 'limit', id: harness.nextId(), group, limit });
  await settle();
  return peer.last('limits').limits;
}

/** So that what they use does not bring them into one scheduler group. */
const FIXED: Partial<JobOptions> = { override: 2, memorySet: true, timeSet: true, diskSet: true };

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name} ${i}\n`).join('');

describe('limits of a manager', () => {
  it('are on disk before they are answered', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    assert.deepEqual(await setLimit(harness, 'a', 3), [{ name: 'a', limit: 3 }]);
    assert.deepEqual([...readLimits(store)], [{ name: 'a', limit: 3 }]);
    assert.deepEqual(await setLimit(harness, 'a', -1), [{ name: 'a', limit: -1 }]);
    assert.deepEqual([...readLimits(store)], []);
  });

  it('are set by an add, also of nothing but duplicates, and outlive a restart with what runs', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(lines('a', 5), { limitGroups: ['l:1'] });
    const again = await harness.add(lines('a', 5), { limitGroups: ['l:2'] });
    assert.equal(again.queued, 5);
    const peer = await harness.connectRunner(groupOf(['l']), 'r');
    const { jobs } = await harness.reserve(peer, groupOf(['l']), 5);
    assert.equal(jobs.length, 2);
    const restarted = await ManagerHarness.start(store);
    restarted.check();
    assert.deepEqual(await setLimit(restarted, '', null), [{ name: 'l', limit: 2 }]);
    const held = jobs.map(({ attempt }) => attempt);
    const same = await restarted.connectRunner(groupOf(['l']), 'r', held);
    assert.equal((await restarted.reserve(same, groupOf(['l']), 5)).jobs.length, 0, 'two still run');
    await setLimit(restarted, 'l', 3);
    assert.equal((await restarted.reserve(same, groupOf(['l']), 5)).jobs.length, 1);
    restarted.check();
  });

  it('lowered below what runs are kept to after a restart', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(lines('a', 5), { limitGroups: ['l'] });
    const peer = await harness.connectRunner(groupOf(['l']), 'r');
    const { jobs } = await harness.reserve(peer, groupOf(['l']), 3);
    await setLimit(harness, 'l', 1);
    const restarted = await ManagerHarness.start(store);
    restarted.check();
    const held = jobs.map(({ attempt }) => attempt);
    const same = await restarted.connectRunner(groupOf(['l']), 'r', held);
    assert.equal((await restarted.reserve(same, groupOf(['l']), 5)).jobs.length, 0);
  });

  it('of lines cut off by --head are not set', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(
      '{"cmd":"a","limit_grps":["l:1"]}\n{"cmd":"b","limit_grps":["m:1"]}\n',
      {},
      { head: 1 },
    );
    assert.deepEqual(await setLimit(harness, '', null), [{ name: 'l', limit: 1 }]);
  });

  it('that are no numbers are told of, and are part of the name', async () => {
    const harness = await ManagerHarness.start();
    const { warnings } = await harness.add('a\n', { limitGroups: ['l:many'] });
    assert.deepEqual(warnings, [
      'limit group "l:many" has no limit, for "many" is no whole number and the name no span of time',
    ]);
    await assert.rejects(harness.add('{"cmd":"b","limit_grps":["x~y"]}\n'), {
      code: 'BAD_LINE',
      message: /line 1: limit_grps value \(x~y\) .* no comma, no ~/,
    });
  });

  it('let a runner that waits have the next job as soon as one ends, or they are raised', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('a', 5), { limitGroups: ['l:1'] });
    const group = groupOf(['l']);
    const first = await harness.connectRunner(group);
    await harness.reserve(first, group, 1);
    const second = await harness.connectRunner(group);
    harness.send(second, { type: 'reserve', id: harness.nextId(), group, count: 1, waitMs: 10_000 });
    await settle();
    assert.equal(second.count('jobs'), 0);
    await setLimit(harness, 'l', 2);
    assert.equal(second.last('jobs').jobs.length, 1);
    harness.check();
  });

  it('of time are noticed to open within a minute', async () => {
    const harness = await ManagerHarness.start();
    const at = new Date(harness.clock.nowMs() + 90_000);
    const two = (n: number): string => String(n).padStart(2, '0');
    const name = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}<time`;
    await harness.add('a\n', { limitGroups: [name] });
    const runner = await HostRunner.connect(harness);
    await runner.fill();
    assert.deepEqual(runner.commands, []);
    await harness.clock.advance(89_000);
    await runner.fill();
    assert.deepEqual(runner.commands, []);
    await harness.clock.advance(3_000);
    await runner.fill();
    assert.deepEqual(runner.commands, ['a']);
  });
});

describe('scheduler groups that share a limit', () => {
  it('are together allotted no more than it allows', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('a', 9), { limitGroups: ['l:3'], memoryMb: 100 });
    await harness.add(lines('b', 9), { limitGroups: ['l'], memoryMb: 200 });
    await harness.add(lines('c', 1), { memoryMb: 300 });
    const runner = await HostRunner.connect(harness);
    await runner.fill();
    const { allotted } = runner;
    const limited = (allotted[groupOf(['l'], 100)] ?? 0) + (allotted[groupOf(['l'], 200)] ?? 0);
    assert.equal(limited, 3);
    assert.equal(runner.held.length, 4);
  });

  it('take turns, whatever their size and age, and none starves', async () => {
    const harness = await ManagerHarness.start();
    for (const [name, memoryMb] of [
      ['a', 100],
      ['b', 4_000],
      ['c', 200],
    ] as const)
      await harness.add(lines(name, 30), { ...FIXED, limitGroups: ['l:1'], memoryMb });
    const runner = await HostRunner.connect(harness);
    const order: string[] = [];
    for (let i = 0; i < 30; i += 1) {
      await runner.fill();
      order.push(...runner.commands.map((command) => command[0] as string));
      await harness.clock.advance(500);
      await runner.end();
    }
    for (const name of ['a', 'b', 'c']) {
      const served = order.filter((other) => other === name).length;
      assert.ok(served >= 8 && served <= 12, `${name} was served ${served} times of ${order.join('')}`);
    }
  });

  it('of commands that take long take turns at each end', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('a', 9), { ...FIXED, limitGroups: ['l:2'], memoryMb: 100 });
    const runner = await HostRunner.connect(harness);
    await runner.fill();
    await harness.add(lines('b', 9), { ...FIXED, limitGroups: ['l'], memoryMb: 200 });
    const order: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      await runner.fill();
      await harness.clock.advance(20_000);
      await runner.end();
      await runner.fill();
      order.push(runner.commands.at(-1)?.[0] as string);
    }
    assert.deepEqual(order.join(''), 'bababa');
  });

  it('serve the higher priority first', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(lines('a', 9), { limitGroups: ['l:1'], memoryMb: 100 });
    await harness.add(lines('b', 3), { limitGroups: ['l'], memoryMb: 200, priority: 5 });
    const runner = await HostRunner.connect(harness);
    const order: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      await runner.fill();
      order.push(...runner.commands.map((command) => command[0] as string));
      await harness.clock.advance(2_000);
      await runner.end();
    }
    assert.equal(order.join(''), 'bbbaa');
  });
});
