import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { STATE } from '../../core/states.ts';
import { Scene } from './dependency-scene.ts';

describe('dependency groups', () => {
  it('let a command wait for all members, whatever the order of the lines', async () => {
    const scene = await Scene.open();
    await scene.add(
      { cmd: 'last', deps: ['g'] },
      { cmd: 'a', dep_grps: ['g'] },
      { cmd: 'b', dep_grps: ['g'] },
    );
    assert.equal(scene.state('last'), 'dependent');
    assert.deepEqual(await scene.reserve(), ['a', 'b']);
    await scene.end('a');
    assert.equal(scene.state('last'), 'dependent');
    await scene.end('b');
    assert.deepEqual(await scene.run(), ['last']);
  });

  it('hold a command back by a buried member until that has been retried with success', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'last', deps: ['g'] });
    await scene.reserve();
    await scene.end('a', 'bury');
    assert.equal(scene.state('last'), 'dependent');
    await scene.change('retry', 'a');
    assert.deepEqual(await scene.run(), ['a']);
    assert.equal(scene.state('last'), 'ready');
  });

  it('never seen, let commands wait until a member has come and is done, and say so once each', async () => {
    const scene = await Scene.open();
    const { warnings } = await scene.add(
      { cmd: 'x', deps: ['zeta', 'alpha'] },
      { cmd: 'y', deps: ['zeta', 'here'] },
      { cmd: 'z', dep_grps: ['here'] },
    );
    assert.deepEqual(warnings, [
      'dependency group "alpha" has not been seen; dependent job(s) will wait until it appears',
      'dependency group "zeta" has not been seen; dependent job(s) will wait until it appears',
    ]);
    assert.deepEqual(await scene.run(), ['z']);
    assert.deepEqual([scene.state('x'), scene.state('y')], ['dependent', 'dependent']);
    const again = await scene.restart();
    assert.deepEqual([again.state('x'), again.state('y')], ['dependent', 'dependent']);
    assert.deepEqual((await again.add({ cmd: 'm', dep_grps: ['zeta'] })).warnings, []);
    assert.deepEqual(await again.run(), ['m']);
    assert.deepEqual(await again.run(), ['y']);
    assert.equal(again.state('x'), 'dependent');
  });

  it('seen once, do not hold anybody back again, also after everything has left memory', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a', dep_grps: ['g'] });
    await scene.run();
    await scene.archive();
    assert.equal(scene.harness.manager.queue.dependencies.nodes.size, 0);
    assert.deepEqual((await scene.add({ cmd: 'b', deps: ['g'] })).warnings, []);
    assert.deepEqual(await scene.run(), ['b']);
    const again = await scene.restart();
    assert.deepEqual((await again.add({ cmd: 'c', deps: ['g'] })).warnings, []);
    assert.equal(again.state('c'), 'ready');
  });

  it('make queued dependants wait for a new member, ready and delayed ones, and skip the delay then', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'r', deps: ['g'] }, { cmd: 'd', deps: ['g'] });
    await scene.run();
    assert.deepEqual(await scene.reserve(), ['d', 'r']);
    await scene.end('d', 'release');
    await scene.end('r', 'bury');
    await scene.change('retry', 'r');
    assert.deepEqual([scene.state('d'), scene.state('r')], ['delayed', 'ready']);
    await scene.add({ cmd: 'b', dep_grps: ['g'] });
    assert.deepEqual([scene.state('d'), scene.state('r')], ['dependent', 'dependent']);
    const again = await scene.restart();
    assert.deepEqual([again.state('d'), again.state('r')], ['dependent', 'dependent']);
    assert.deepEqual(await again.run(), ['b']);
    assert.deepEqual(await again.run(), ['d', 'r']);
  });

  it('run a running dependant again after its success, behind the new member, also over a restart', async () => {
    for (const restarted of [false, true]) {
      let scene = await Scene.open();
      await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'd', deps: ['g'] });
      await scene.run();
      await scene.reserve();
      await scene.add({ cmd: 'b', dep_grps: ['g'] });
      assert.equal(scene.state('d'), 'reserved');
      if (restarted) scene = await scene.restart();
      await scene.end('d');
      assert.equal(scene.state('d'), 'dependent');
      scene = await scene.restart();
      assert.equal(scene.state('d'), 'dependent');
      assert.deepEqual(await scene.run(), ['b']);
      assert.deepEqual(await scene.run(), ['d']);
      assert.deepEqual(await scene.run(), []);
    }
  });

  it('run a running dependant again when the new member came and completed before it ended, also over a restart', async () => {
    for (const restarted of [false, true]) {
      let scene = await Scene.open();
      await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'd', deps: ['g'] });
      await scene.run();
      assert.deepEqual(await scene.reserve(), ['d']);
      await scene.add({ cmd: 'b', dep_grps: ['g'] });
      assert.deepEqual(await scene.reserve(), ['b']);
      await scene.end('b');
      if (restarted) scene = await scene.restart();
      await scene.end('d');
      assert.equal(scene.state('d'), 'ready');
      assert.deepEqual(await scene.run(), ['d']);
      assert.deepEqual(await scene.run(), []);
      assert.equal(scene.state('d'), 'complete');
    }
  });

  it('let the retry of a running dependant that fails wait for the new member', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'd', deps: ['g'] });
    await scene.run();
    await scene.reserve();
    await scene.add({ cmd: 'b', dep_grps: ['g'] });
    await scene.end('d', 'release');
    assert.equal(scene.state('d'), 'dependent');
    assert.deepEqual(await scene.run(), ['b']);
    assert.deepEqual(await scene.run(), ['d']);
  });

  it('leave a buried dependant buried, which then waits when it is retried', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'd', deps: ['g'] });
    await scene.run();
    await scene.reserve();
    await scene.end('d', 'bury');
    await scene.add({ cmd: 'b', dep_grps: ['g'] });
    assert.equal(scene.state('d'), 'buried');
    const again = await scene.restart();
    assert.equal(again.state('d'), 'buried');
    await again.change('retry', 'd');
    assert.equal(again.state('d'), 'dependent');
    assert.deepEqual(await again.run(), ['b']);
    assert.deepEqual(await again.run(), ['d']);
  });
});

describe('status', () => {
  it('tells who waits for a group never seen, by name and by filter', async () => {
    const scene = await Scene.open();
    await scene.add(
      { cmd: 'a', dep_grps: ['g'] },
      { cmd: 'b', deps: ['g', 'new', 'newer'] },
      { cmd: 'c', deps: ['g'], cmd_deps: [{ cmd: 'a', cwd: '' }, { DepGroup: 'newer' }] },
      { cmd: 'd', cmd_deps: [{ cmd: 'a', cwd: '' }] },
    );
    const shown = async (missingDeps: boolean) =>
      (await scene.list({ missingDeps })).map(({ Cmd, State, Dependencies, WaitingForDepGroups }) => [
        Cmd,
        State,
        Dependencies,
        WaitingForDepGroups,
      ]);
    const waiting = [
      ['b', 'dependent', ['g', 'new', 'newer'], ['new', 'newer']],
      ['c', 'dependent', ['g', 'a', 'newer'], ['newer']],
    ];
    assert.deepEqual(await shown(false), [
      ['a', 'ready', null, null],
      ...waiting,
      ['d', 'dependent', ['a'], null],
    ]);
    assert.deepEqual(await shown(true), waiting);
    assert.deepEqual(await scene.plain(), ['ready', 'waiting-deps', 'waiting-deps', 'dependent']);
    await scene.add({ cmd: 'e', dep_grps: ['new', 'newer'] });
    assert.deepEqual(await shown(true), []);
    assert.deepEqual(await scene.plain(), ['ready', 'dependent', 'dependent', 'dependent', 'ready']);
  });
});

describe('complete dependants', () => {
  for (const where of ['in memory', 'archived', 'of an earlier life'] as const) {
    it(`${where} run again, with theirs, once for each new member`, async () => {
      let scene = await Scene.open();
      await scene.add(
        { cmd: 'a', dep_grps: ['g'] },
        { cmd: 'd', deps: ['g'], dep_grps: ['h'], priority: 7 },
        { cmd: 'e', deps: ['h'] },
      );
      for (const expected of [['a'], ['d'], ['e'], []]) assert.deepEqual(await scene.run(), expected);
      if (where !== 'in memory') await scene.archive();
      if (where === 'of an earlier life') scene = await scene.restart();
      const { added, queued, complete } = await scene.add({ cmd: 'b', dep_grps: ['g'] });
      assert.deepEqual([added, queued, complete], [3, 0, 0]);
      assert.deepEqual([scene.state('d'), scene.state('e')], ['dependent', 'dependent']);
      for (const expected of [['b'], ['d'], ['e'], []]) assert.deepEqual(await scene.run(), expected);
      assert.equal((await scene.add({ cmd: 'b', dep_grps: ['g'] })).added, 0);
      assert.deepEqual(await scene.run(), []);
      assert.equal((await scene.add({ cmd: 'c', dep_grps: ['g'] })).added, 3);
      for (const expected of [['c'], ['d'], ['e'], []]) assert.deepEqual(await scene.run(), expected);
    });
  }

  it('whose end comes to disk together with the new member run again, too', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'd', deps: ['g'] });
    await scene.run();
    await scene.reserve();
    // Both arrive in one turn of the event loop: the end is not on disk when the add begins.
    const adding = scene.add({ cmd: 'b', dep_grps: ['g'] });
    await scene.end('d');
    await adding;
    assert.equal(scene.state('d'), 'dependent');
    const again = await scene.restart();
    assert.deepEqual(await again.run(), ['b']);
    assert.deepEqual(await again.run(), ['d']);
  });
});

describe('single commands to wait for', () => {
  it('hold their dependants back, in all spellings, and only when they are in the queue', async () => {
    const scene = await Scene.open();
    const key = jobKeyHex('a', DEFAULT_JOB_OPTIONS);
    await scene.add(
      { cmd: 'p', cmd_deps: [{ cmd: 'a', cwd: '' }] },
      { cmd: 'q', cmd_deps: [{ Essence: { Cmd: 'a', Cwd: '' } }] },
      { cmd: 'r', cmd_deps: [{ Essence: { JobKey: key } }] },
      { cmd: 's', cmd_deps: [{ cmd: 'nobody', cwd: '' }] },
      { cmd: 'a' },
    );
    const again = await scene.restart();
    assert.deepEqual(await again.run(), ['a', 's']);
    assert.deepEqual(await again.run(), ['p', 'q', 'r']);
    await again.add({ cmd: 't', cmd_deps: [{ cmd: 'a', cwd: '' }] });
    assert.equal(again.state('t'), 'ready');
  });

  it('are not waited for again when they are run again', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a' }, { cmd: 'p', cmd_deps: [{ cmd: 'a', cwd: '' }] });
    await scene.run();
    await scene.harness.add('a\n', {}, { rerun: true });
    assert.deepEqual([scene.state('a'), scene.state('p')], ['ready', 'ready']);
    const again = await scene.restart();
    assert.deepEqual([again.state('a'), again.state('p')], ['ready', 'ready']);
  });

  it('are found in the line before, too', async () => {
    const scene = await Scene.open();
    const line = (i: number) => ({ cmd: `c${i}`, cmd_deps: [{ cmd: `c${i - 1}`, cwd: '' }] });
    await scene.add(...Array.from({ length: 5 }, (_, i) => line(i)));
    for (let i = 0; i < 5; i += 1) assert.deepEqual(await scene.run(), [`c${i}`]);
  });

  it('release a chain one by one, across a restart', async () => {
    let scene = await Scene.open();
    const line = (i: number) => ({ cmd: `c${i}`, cmd_deps: [{ cmd: `c${i - 1}`, cwd: '' }] });
    await scene.add(...Array.from({ length: 20 }, (_, i) => line(19 - i)));
    for (let i = 0; i < 20; i += 1) {
      if (i === 10) scene = await scene.restart();
      assert.deepEqual(await scene.run(), [`c${i}`]);
    }
  });
});

describe('cycles', () => {
  it('are refused by name, and nothing of the add is queued', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'old', dep_grps: ['one'], deps: ['two'] });
    await assert.rejects(
      scene.add({ cmd: 'fine' }, { cmd: 'new', dep_grps: ['two'], deps: ['one'] }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'DEPENDENCY_CYCLE');
        assert.match(error.message, /"(old|new)" waits for "(old|new)" waits for "(old|new)"/);
        return true;
      },
    );
    assert.deepEqual([scene.state('fine'), scene.state('new')], ['none', 'none']);
    assert.equal(scene.state('old'), 'dependent');
    await assert.rejects(scene.add({ cmd: 'self', dep_grps: ['s'], deps: ['s'] }), /"self" waits for itself/);
    await assert.rejects(
      scene.add(
        { cmd: 'x', cmd_deps: [{ cmd: 'z', cwd: '' }] },
        { cmd: 'y', cmd_deps: [{ cmd: 'x', cwd: '' }] },
        { cmd: 'z', cmd_deps: [{ cmd: 'y', cwd: '' }] },
      ),
      /for ever: "x" waits for "z" waits for "y" waits for "x"|for ever: "y" waits for "x" waits for "z" waits for "y"|for ever: "z" waits for "y" waits for "x" waits for "z"/,
    );
    assert.deepEqual((await scene.add({ cmd: 't', dep_grps: ['two'] })).added, 1);
    assert.deepEqual(await scene.run(), ['t']);
    assert.deepEqual(await scene.run(), ['old']);
    // The refused member of "s" was none: the group is still unseen.
    assert.equal((await scene.add({ cmd: 'w', deps: ['s'] })).warnings.length, 1);
  });
});

describe('removing', () => {
  it('leaves what others wait for, unless these go with it, in any order', async () => {
    const scene = await Scene.open();
    await scene.add(
      { cmd: 'a', dep_grps: ['g'] },
      { cmd: 'b', deps: ['g'] },
      { cmd: 'c', cmd_deps: [{ cmd: 'b', cwd: '' }] },
    );
    assert.equal(await scene.change('remove', 'a'), 0);
    assert.equal(scene.held, 1);
    assert.equal(await scene.change('remove', 'a', 'b'), 0);
    assert.equal(scene.held, 2);
    assert.deepEqual([scene.state('a'), scene.state('b')], ['ready', 'dependent']);
    assert.equal(await scene.change('remove', 'a', 'b', 'c'), 3);
    assert.equal(scene.held, 0);
    assert.equal(scene.harness.manager.queue.dependencies.size, 0);
    const again = await scene.restart();
    assert.deepEqual(await again.run(), []);
    // It was seen, though nobody is left who saw it.
    assert.deepEqual((await again.add({ cmd: 'd', deps: ['g'] })).warnings, []);
  });
});

describe('a complete command that is run again', () => {
  for (const where of ['in memory', 'archived', 'over a restart'] as const) {
    it(`${where}, counts and is listed once, as the live one, then as the new one`, async () => {
      let scene = await Scene.open();
      await scene.add({ cmd: 'a' }, { cmd: 'b' });
      await scene.run();
      if (where === 'archived') await scene.archive();
      const rerun = { requestId: `rerun ${where}`, rerun: true };
      assert.equal((await scene.harness.add('a\n', {}, rerun)).added, 1);
      if (where === 'over a restart') scene = await scene.restart();
      const shown = async (): Promise<string[]> => {
        const select = { by: 'repGroup', repGroup: 'manually_added', search: false } as const;
        return (await scene.list({ select })).map(({ Cmd, State }) => `${Cmd} ${State}`).sort();
      };
      const counted = () => scene.harness.manager.queue.repGroups.count(0, STATE.complete);
      assert.deepEqual([await shown(), counted()], [['a ready', 'b complete'], 1]);
      assert.deepEqual(await scene.run(), ['a']);
      assert.deepEqual([await shown(), counted()], [['a complete', 'b complete'], 2]);
      assert.equal(scene.harness.manager.queue.repGroups.sum(0, 'jobs'), 2);
      await scene.archive();
      assert.deepEqual([await shown(), counted()], [['a complete', 'b complete'], 2]);
      scene = await scene.restart();
      assert.deepEqual([await shown(), counted()], [['a complete', 'b complete'], 2]);
      const again = await scene.add({ cmd: 'a' });
      assert.deepEqual([again.added, again.queued, again.complete], [0, 0, 1]);
    });
  }

  it('is complete as before when the new run is removed', async () => {
    const scene = await Scene.open();
    await scene.add({ cmd: 'a' });
    await scene.run();
    await scene.harness.add('a\n', {}, { requestId: 'rerun to remove', rerun: true });
    assert.equal((await scene.add({ cmd: 'a' })).queued, 1);
    assert.equal(await scene.change('remove', 'a'), 1);
    assert.equal(scene.harness.manager.queue.repGroups.count(0, STATE.complete), 1);
    assert.equal((await scene.add({ cmd: 'a' })).complete, 1);
    const again = await scene.restart();
    assert.equal((await again.add({ cmd: 'a' })).complete, 1);
  });
});
