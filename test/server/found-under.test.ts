import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GroupSummary } from '../../core/client-replies.ts';
import type { Selector } from '../../core/selector.ts';
import type { KeyValueStore } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { listJobs, runJobs } from './manager-steps.ts';

let adds = 0;

async function add(
  harness: ManagerHarness,
  commands: string,
  repGroup: string,
  rerun = false,
): Promise<ReturnType<ManagerHarness['add']> extends Promise<infer Reply> ? Reply : never> {
  adds += 1;
  return harness.add(commands, { repGroup }, { rerun, requestId: `found under ${adds}` });
}

function group(repGroup: string, search = false): Selector {
  return { by: 'repGroup', repGroup, search };
}

/** State, shown report group and command of each job of a group. */
async function list(harness: ManagerHarness, repGroup: string, search = false): Promise<string[]> {
  const jobs = await listJobs(harness, { select: group(repGroup, search) });
  return jobs.map(({ State, RepGroup, Cmd }) => `${State} ${RepGroup} ${Cmd}`);
}

async function counts(harness: ManagerHarness, select: Selector): Promise<string> {
  const peer = new TestPeer();
  const request = { states: [], limit: 0, env: false, host: '' };
  harness.send(peer, { type: 'status', id: harness.nextId(), select, output: 'counts', ...request });
  await settle();
  const nonZero = Object.entries(peer.last('counts').counts).filter(([, count]) => count > 0);
  return nonZero.map(([state, count]) => `${count} ${state}`).join(', ');
}

async function summary(
  harness: ManagerHarness,
  select: Selector,
): Promise<{ readonly groups: readonly GroupSummary[]; readonly all: GroupSummary }> {
  const peer = new TestPeer();
  const request = { states: [], limit: 0, env: false, host: '' };
  harness.send(peer, { type: 'status', id: harness.nextId(), select, output: 'summary', ...request });
  await settle();
  return peer.last('summary');
}

async function remove(harness: ManagerHarness, select: Selector): Promise<void> {
  harness.send(new TestPeer(), {
    type: 'remove',
    id: harness.nextId(),
    requestId: `remove ${++adds}`,
    select,
    buriedOnly: false,
  });
  await settle();
  harness.check();
}

async function archived(harness: ManagerHarness): Promise<void> {
  await harness.clock.advance(2_000);
  await harness.clock.advance(2_000);
}

async function restart(store: KeyValueStore): Promise<ManagerHarness> {
  const harness = await ManagerHarness.start(store);
  harness.check();
  return harness;
}

describe('a command that was run again under another report group', () => {
  it('is found and counted under both, once, as the live one and then as the complete one', async () => {
    const store = new MemoryStore();
    let harness = await ManagerHarness.start(store);
    await add(harness, 'a\nb', 'night 1');
    await runJobs(harness, 2, 'complete');
    await archived(harness);
    await add(harness, 'a', 'night 2', true);
    for (const again of [false, true]) {
      if (again) harness = await restart(store);
      assert.deepEqual(await list(harness, 'night 1'), ['ready night 2 a', 'complete night 1 b']);
      assert.deepEqual(await list(harness, 'night 2'), ['ready night 2 a']);
      assert.equal(await counts(harness, group('night 1')), '1 ready, 1 complete');
      assert.equal(await counts(harness, group('night', true)), '1 ready, 1 complete');
    }
    await runJobs(harness, 1, 'complete');
    for (const again of [false, true]) {
      if (again) harness = await restart(store);
      assert.deepEqual((await list(harness, 'night 1')).sort(), ['complete night 1 a', 'complete night 1 b']);
      assert.deepEqual(await list(harness, 'night 2'), ['complete night 2 a']);
      assert.equal(await counts(harness, group('night 1')), '2 complete');
      assert.equal(await counts(harness, group('night 2')), '1 complete');
      assert.equal(await counts(harness, group('night', true)), '2 complete');
    }
  });

  it('is found under each of several', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    for (const night of ['1', '2', '3']) {
      await add(harness, 'a', night, true);
      await runJobs(harness, 1, 'complete');
      if (night === '2') await archived(harness);
    }
    const restarted = await restart(store);
    for (const each of [harness, restarted])
      for (const night of ['1', '2', '3']) assert.deepEqual(await list(each, night), [`complete ${night} a`]);
  });

  it('is complete under the earlier alone when the new one is removed', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await add(harness, 'a', 'one');
    await runJobs(harness, 1, 'complete');
    await add(harness, 'a', 'two', true);
    await runJobs(harness, 1, 'complete');
    await add(harness, 'a', 'three', true);
    for (let i = 0; i < 8; i += 1) await harness.clock.advance(1_000); // Nothing that is needed may be let go of.
    await remove(harness, group('three'));
    await archived(harness);
    for (const each of [harness, await restart(store)]) {
      assert.deepEqual(await list(each, 'three'), []);
      assert.equal(await counts(each, group('one')), '1 complete');
      assert.deepEqual(await list(each, 'two'), ['complete two a']);
    }
  });

  it('keeps its groups when it is run again for a dependency', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('parent', { repGroup: 'parents', depGroups: ['g'] }, { requestId: 'p1' });
    await harness.add('child', { repGroup: 'one', deps: ['g'] }, { requestId: 'c1' });
    await runJobs(harness, 1, 'complete');
    await runJobs(harness, 1, 'complete');
    await harness.add('child', { repGroup: 'two', deps: ['g'] }, { rerun: true, requestId: 'c2' });
    await runJobs(harness, 1, 'complete');
    await harness.add('parent 2', { repGroup: 'parents', depGroups: ['g'] }, { requestId: 'p2' });
    for (const each of [harness, await restart(store)]) {
      assert.deepEqual(await list(each, 'one'), ['dependent two child']);
      assert.deepEqual(await list(each, 'two'), ['dependent two child']);
    }
  });

  it('is summed up in each group, and once in all of them', async () => {
    const harness = await ManagerHarness.start();
    await add(harness, 'a\nb', 'x1');
    await runJobs(harness, 2, 'complete', { peakRamMb: 100 });
    await add(harness, 'a', 'x2', true);
    await runJobs(harness, 1, 'complete', { peakRamMb: 300 });
    await add(harness, 'c', 'x2');
    await runJobs(harness, 1, 'bury', { exitCode: 3, reason: 'command exited non-zero' });
    await add(harness, 'c', 'x1', true);
    const { groups, all } = await summary(harness, group('x', true));
    assert.deepEqual(
      groups.map(({ repGroup, counts: { complete, buried }, memoryMb }) => [
        repGroup,
        complete,
        buried,
        memoryMb.mean,
      ]),
      [
        ['x1', 2, 1, 200],
        ['x2', 1, 1, 300],
      ],
    );
    assert.deepEqual([all.counts.complete, all.counts.buried, all.memoryMb.mean], [2, 1, 200]);
    assert.deepEqual(
      groups.map(({ buried }) => buried.map(({ exitCode, keys }) => [exitCode, keys.length])),
      [[[3, 1]], [[3, 1]]],
    );
  });

  it('counts as complete under the group given when that is one of several', async () => {
    const harness = await ManagerHarness.start();
    await add(harness, 'a', 'one');
    await runJobs(harness, 1, 'complete');
    await archived(harness); // The index knows the first completion, and the second only a little later.
    await add(harness, 'a', 'two', true);
    await runJobs(harness, 1, 'complete');
    const causes = async (repGroup: string): Promise<unknown> => {
      const { complete, completeHere, completeElsewhere } = await add(harness, 'a', repGroup);
      return [complete, completeHere, completeElsewhere?.map(({ repGroup: name }) => name)];
    };
    assert.deepEqual(await causes('one'), [1, 1, []]);
    assert.deepEqual(await causes('two'), [1, 1, []]);
    assert.deepEqual(await causes('three'), [1, 0, ['two']]);
    await archived(harness);
    assert.deepEqual(await causes('one'), [1, 1, []]);
    assert.deepEqual(await causes('three'), [1, 0, ['two']]);
  });

  it('is found by what acts on commands', async () => {
    const harness = await ManagerHarness.start();
    await add(harness, 'a', 'one');
    await runJobs(harness, 1, 'complete');
    await add(harness, 'a', 'two', true);
    await remove(harness, group('one'));
    assert.deepEqual(await list(harness, 'two'), []);
    assert.equal(await counts(harness, group('one')), '1 complete');
  });
});

describe('a command in the queue that is asked for again', () => {
  it('is found under the new report group too with --rerun, and not without', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await add(harness, 'a\nb', 'one');
    const { added, queued } = await add(harness, 'a', 'two', true);
    assert.deepEqual([added, queued], [0, 1]);
    await add(harness, 'b', 'three');
    for (const each of [harness, await restart(store)]) {
      assert.deepEqual(await list(each, 'one'), ['ready one a', 'ready one b']);
      assert.deepEqual(await list(each, 'two'), ['ready one a']);
      assert.deepEqual(await list(each, 'three'), []);
      assert.equal(await counts(each, { by: 'all' }), '2 ready');
    }
    await runJobs(harness, 2, 'complete');
    await archived(harness);
    for (const each of [harness, await restart(store)]) {
      assert.deepEqual(await list(each, 'one'), ['complete one a', 'complete one b']);
      assert.deepEqual(await list(each, 'two'), ['complete two a']);
    }
  });
});

interface Known {
  /** Groups of its completion, if it has one. */
  complete: ReadonlySet<string> | undefined;
  /** Groups it is found under in the queue, if it is there. */
  live: Set<string> | undefined;
}

describe('report groups that commands are found under', () => {
  it('are those of a simple model, whatever is added, run, removed and restarted', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const store = new MemoryStore();
    let harness = await ManagerHarness.start(store);
    const groups = ['g0', 'g1', 'g2', 'g3'];
    const commands = new Map<string, Known>();
    for (let i = 0; i < 5; i += 1) commands.set(`c${i}`, { complete: undefined, live: undefined });
    const operations: (() => Promise<void>)[] = [
      ...[false, true, true].map((rerun) => async () => {
        const repGroup = groups[pick(random, groups.length)] as string;
        const lines = [...commands.keys()].filter(() => random() < 0.5);
        if (lines.length === 0) return;
        await add(harness, lines.join('\n'), repGroup, rerun);
        for (const line of lines) {
          const known = commands.get(line) as Known;
          if (known.live !== undefined && rerun) known.live.add(repGroup);
          else if (known.live === undefined && (rerun || known.complete === undefined))
            known.live = new Set([...(known.complete ?? []), repGroup]);
        }
      }),
      async () => {
        for (const line of await runJobs(harness, 1 + pick(random, 3), 'complete')) {
          const known = commands.get(line) as Known;
          known.complete = known.live;
          known.live = undefined;
        }
      },
      async () => {
        const repGroup = groups[pick(random, groups.length)] as string;
        await remove(harness, group(repGroup));
        for (const known of commands.values()) if (known.live?.has(repGroup)) known.live = undefined;
      },
      async () => harness.clock.advance(3_000),
      async () => {
        harness = await restart(store);
      },
    ];
    for (let step = 0; step < 150; step += 1) {
      await operations[pick(random, operations.length)]?.();
      for (const repGroup of groups) {
        const expected: string[] = [];
        for (const [command, { live, complete }] of commands) {
          if (live?.has(repGroup)) expected.push(`ready ${command}`);
          if (live === undefined && complete?.has(repGroup)) expected.push(`complete ${command}`);
        }
        const jobs = await listJobs(harness, { select: group(repGroup) });
        const found = jobs.map(({ State, Cmd }) => `${State} ${Cmd}`);
        assert.deepEqual(found.sort(), expected.sort(), `seed ${seed}, step ${step}, ${repGroup}`);
        const complete = expected.filter((text) => text.startsWith('complete')).length;
        const ready = expected.length - complete;
        const text = [ready > 0 ? `${ready} ready` : '', complete > 0 ? `${complete} complete` : ''];
        assert.equal(
          await counts(harness, group(repGroup)),
          text.filter((each) => each !== '').join(', '),
          `seed ${seed}, step ${step}, ${repGroup}`,
        );
      }
      const live = [...commands.values()].filter(({ live: groupsOf }) => groupsOf !== undefined).length;
      const complete = [...commands.values()].filter((known) => !known.live && known.complete).length;
      const all = await counts(harness, group('g', true));
      const wanted = [live > 0 ? `${live} ready` : '', complete > 0 ? `${complete} complete` : ''];
      assert.equal(all, wanted.filter((each) => each !== '').join(', '), `seed ${seed}, step ${step}`);
    }
  });
});
