/** Changed commands that complete, and run again because a group they wait for gains a member: as they are now, once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { type Line, Scene } from './dependency-scene.ts';
import { settle, TestPeer } from './manager-harness.ts';

/** Changes one command. */
async function mod(
  { harness }: Scene,
  cmd: string,
  options: Partial<JobOptions>,
  to?: string,
): Promise<void> {
  const peer = new TestPeer();
  const id = harness.nextId();
  const keys = Buffer.from(jobKeyHex(cmd, DEFAULT_JOB_OPTIONS), 'hex');
  harness.send(peer, {
    type: 'modify',
    id,
    requestId: `mod ${id} of ${cmd}`,
    select: { by: 'keys', keys },
    changes: { options, cmd: to === undefined ? null : Buffer.from(to), dropOther: [] },
  });
  await settle(40);
  harness.check();
  assert.equal(peer.last('changed').changed, 1, cmd);
}

const PLACES = ['in memory', 'archived', 'of an earlier life'] as const;

async function put(scene: Scene, where: (typeof PLACES)[number]): Promise<Scene> {
  if (where !== 'in memory') await scene.archive();
  return where === 'of an earlier life' ? await scene.restart() : scene;
}

async function runs(scene: Scene, ...rounds: readonly (readonly string[])[]): Promise<void> {
  for (const expected of [...rounds, []]) assert.deepEqual(await scene.run(), expected);
}

describe('changed commands that run again behind a new member', () => {
  for (const where of PLACES) {
    it(`${where} are what they were changed to, and run once`, async () => {
      let scene = await Scene.open();
      await scene.add(
        { cmd: 'a', dep_grps: ['g'] },
        { cmd: 'd', deps: ['g'], dep_grps: ['h'] },
        { cmd: 'e', deps: ['h'] },
      );
      await mod(scene, 'd', { priority: 9, env: ['X=1'] }, 'd2');
      if (where === 'of an earlier life') scene = await scene.restart();
      await runs(scene, ['a'], ['d2'], ['e']);
      scene = await put(scene, where);
      assert.equal((await scene.add({ cmd: 'b', dep_grps: ['g'] })).added, 3);
      assert.deepEqual([scene.state('d'), scene.state('d2')], ['none', 'dependent']);
      const [job] = (await scene.list({})).filter(({ Cmd }) => Cmd === 'd2');
      assert.deepEqual([job?.Priority, job?.EnvOverrides], [9, ['X=1']]);
      await runs(scene, ['b'], ['d2'], ['e']);
      // The command that it was is another one.
      assert.equal((await scene.add({ cmd: 'd' })).added, 1);
      await runs(scene, ['d']);
    });

    it(`${where} wait for what they were given to wait for, and no longer for what they had`, async () => {
      let scene = await Scene.open();
      await scene.add(
        { cmd: 'a', dep_grps: ['g'] },
        { cmd: 'c', dep_grps: ['k'] },
        { cmd: 'd', deps: ['g'] },
      );
      await mod(scene, 'd', { deps: ['k'] });
      if (where === 'of an earlier life') scene = await scene.restart();
      await runs(scene, ['a', 'c'], ['d']);
      scene = await put(scene, where);
      assert.equal((await scene.add({ cmd: 'b', dep_grps: ['g'] })).added, 1);
      await runs(scene, ['b']);
      assert.equal((await scene.add({ cmd: 'f', dep_grps: ['k'] })).added, 2);
      await runs(scene, ['f'], ['d']);
    });

    it(`${where} run again no more when they were given nothing to wait for`, async () => {
      let scene = await Scene.open();
      await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'd', deps: ['g'] });
      await mod(scene, 'd', { deps: [] }, 'd2');
      await runs(scene, ['a', 'd2']);
      scene = await put(scene, where);
      assert.equal((await scene.add({ cmd: 'b', dep_grps: ['g'] })).added, 1);
      await runs(scene, ['b']);
    });

    it(`${where} are changed once more while they wait to run again`, async () => {
      let scene = await Scene.open();
      await scene.add({ cmd: 'a', dep_grps: ['g'] }, { cmd: 'd', deps: ['g'] });
      await mod(scene, 'd', {}, 'd2');
      await runs(scene, ['a'], ['d2']);
      scene = await put(scene, where);
      await scene.add({ cmd: 'b', dep_grps: ['g'] });
      await mod(scene, 'd2', { deps: ['k'] }, 'd3');
      await scene.add({ cmd: 'c', dep_grps: ['k'] });
      scene = await scene.restart();
      await runs(scene, ['b', 'c'], ['d3']);
      await scene.archive();
      assert.equal((await scene.add({ cmd: 'f', dep_grps: ['g'] })).added, 1);
      assert.equal((await scene.add({ cmd: 'i', dep_grps: ['k'] })).added, 2);
      await runs(scene, ['f', 'i'], ['d3']);
    });
  }

  it('come to what was asked, whatever was changed, completed, archived and killed in between', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    let scene = await Scene.open();
    const groups = ['g0', 'g1', 'g2'];
    /** What each dependant is called now, and what it waits for. */
    const now = new Map<number, { cmd: string; deps: readonly string[] }>();
    const seedLines: Line[] = groups.map((group) => ({ cmd: `first of ${group}`, dep_grps: [group] }));
    for (let i = 0; i < 6; i += 1) {
      const deps = groups.filter(() => random() < 0.5);
      now.set(i, { cmd: `job ${i}`, deps });
      seedLines.push({ cmd: `job ${i}`, deps });
    }
    await scene.add(...seedLines);
    for (let round = 0; round < 25; round += 1) {
      for (const [i, { cmd }] of now) {
        if (random() < 0.6 || !['dependent', 'ready'].includes(scene.state(cmd))) continue;
        const deps = groups.filter(() => random() < 0.5);
        const to = random() < 0.5 ? cmd : `job ${i} of round ${round}`;
        await mod(scene, cmd, { deps }, to === cmd ? undefined : to);
        now.set(i, { cmd: to, deps });
      }
      if (random() < 0.3) scene = await scene.restart();
      const ran: string[] = [];
      for (let some = await scene.run(); some.length > 0; some = await scene.run()) ran.push(...some);
      const jobs = ran.filter((cmd) => cmd.startsWith('job'));
      assert.equal(new Set(jobs).size, jobs.length, `seed ${seed}, round ${round}: one ran twice`);
      if (random() < 0.5) await scene.archive();
      if (random() < 0.3) scene = await scene.restart();
      const group = groups[pick(random, groups.length)] ?? '';
      await scene.add({ cmd: `member ${round}`, dep_grps: [group] });
      for (const { cmd, deps } of now.values()) {
        const waits = scene.state(cmd) === 'dependent';
        assert.equal(
          waits,
          deps.includes(group),
          `seed ${seed}, round ${round}: ${cmd} of ${deps.join(' ')}`,
        );
      }
    }
  });
});
