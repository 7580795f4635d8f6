import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WrError } from '../../core/errors.ts';
import type { Write } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { Scene } from './dependency-scene.ts';
import { settle } from './manager-harness.ts';

/** So many that what is written of them goes to disk ahead of their add. */
const DEPENDANTS = 2_100;

/** Whose last transaction of an add does what it is told. */
class AddStore extends MemoryStore {
  ofAdd: 'written' | 'refused' | 'under way for ever' = 'written';

  override commit(writes: readonly Write[]): Promise<void> {
    const isAdd = writes.some(({ table }) => table === 'requests');
    if (!isAdd || this.ofAdd === 'written') return super.commit(writes);
    if (this.ofAdd === 'refused') return Promise.reject(new WrError('STORE_FULL', 'the disk is full'));
    return new Promise(() => undefined);
  }
}

/** Completes `count` commands, all that are ready. */
async function run(scene: Scene, count: number): Promise<void> {
  const { harness, runner, attempts } = scene;
  const startedMs = harness.clock.nowMs();
  let done = 0;
  for (let commands = await scene.reserve(count); commands.length > 0; ) {
    done += commands.length;
    const events = commands.map((cmd) =>
      ended(attempts.get(cmd) as number, 'complete', { startedMs, endedMs: startedMs + 5 }),
    );
    harness.send(runner, { type: 'report', id: harness.nextId(), events });
    await settle();
    commands = done < count ? await scene.reserve(count) : [];
  }
  harness.check();
  assert.equal(done, count);
}

async function complete(store: AddStore): Promise<Scene> {
  const scene = await Scene.open(store);
  await scene.add(
    { cmd: 'member', dep_grps: ['g'] },
    ...Array.from({ length: DEPENDANTS }, (_, i) => ({ cmd: `after ${i}`, deps: ['g'] })),
  );
  await run(scene, 1);
  await run(scene, DEPENDANTS);
  return scene;
}

/** By state, as listed. */
async function states(scene: Scene): Promise<Record<string, number>> {
  const listed: Record<string, number> = {};
  const select = { by: 'repGroup', repGroup: 'manually_added', search: false } as const;
  for (const state of await scene.plain({ select })) listed[state ?? ''] = (listed[state ?? ''] ?? 0) + 1;
  return listed;
}

const ALL_COMPLETE = { complete: DEPENDANTS + 1 };

describe('very many complete dependants', () => {
  it('run again with a new member, each once', async () => {
    const scene = await complete(new AddStore());
    assert.deepEqual(await states(scene), ALL_COMPLETE);
    assert.equal((await scene.add({ cmd: 'new', dep_grps: ['g'] })).added, DEPENDANTS + 1);
    assert.deepEqual(await states(scene), { complete: 1, ready: 1, dependent: DEPENDANTS });
    const again = await scene.restart();
    assert.deepEqual(await states(again), { complete: 1, ready: 1, dependent: DEPENDANTS });
    await run(again, 1);
    await run(again, DEPENDANTS);
    assert.deepEqual(await states(again), { complete: DEPENDANTS + 2 });
    assert.equal(again.harness.store.count('replaced'), 0);
  });

  it('stay complete when the add of the member fails, and run again with the next', async () => {
    const store = new AddStore();
    const scene = await complete(store);
    store.ofAdd = 'refused';
    await assert.rejects(scene.add({ cmd: 'new', dep_grps: ['g'] }), { code: 'STORE_FULL' });
    assert.deepEqual(await states(scene), ALL_COMPLETE);
    assert.equal(store.count('replaced'), 0);
    store.ofAdd = 'written';
    assert.equal((await scene.add({ cmd: 'new', dep_grps: ['g'] })).added, DEPENDANTS + 1);
    assert.deepEqual(await states(scene), { complete: 1, ready: 1, dependent: DEPENDANTS });
  });

  it('stay complete when the manager is killed before the add is on disk', async () => {
    const store = new AddStore();
    const scene = await complete(store);
    store.ofAdd = 'under way for ever';
    await assert.rejects(scene.add({ cmd: 'new', dep_grps: ['g'] }), /added/);
    assert.equal(store.count('replaced'), DEPENDANTS, 'what is written ahead is there');
    assert.deepEqual(await states(scene), ALL_COMPLETE);
    store.ofAdd = 'written';
    const again = await scene.restart();
    assert.equal(store.count('replaced'), 0);
    assert.deepEqual(await states(again), ALL_COMPLETE);
    assert.equal((await again.add({ cmd: 'new', dep_grps: ['g'] })).added, DEPENDANTS + 1);
    await run(again, 1);
    await run(again, DEPENDANTS);
    assert.deepEqual(await states(again), { complete: DEPENDANTS + 2 });
  });
});
