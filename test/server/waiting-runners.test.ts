import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SchedulerGroup } from '../../core/scheduler-groups.ts';
import { WaitingRunners } from '../../server/waiting-runners.ts';
import { TestClock, TestPeer } from './manager-harness.ts';

const A = { name: 'a' } as SchedulerGroup;
const B = { name: 'b' } as SchedulerGroup;

class Scene {
  readonly clock = new TestClock();
  readonly timedOut: number[] = [];
  readonly waiting = new WaitingRunners(this.clock, ({ request }) => this.timedOut.push(request.id));

  add(id: number, { group = A, waitMs = 60_000, peer = new TestPeer() } = {}): TestPeer {
    this.waiting.add({ peer, group, request: { type: 'reserve', id, group: group.name, count: 1, waitMs } });
    return peer;
  }

  take(group = A): number | undefined {
    return this.waiting.take(group)?.request.id;
  }
}

describe('runners that wait', () => {
  it('are served in the order they came, each once, whoever left or gave up meanwhile', () => {
    const seed = 7;
    let state = seed;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state % below;
    };
    const scene = new Scene();
    const model: { id: number; peer: TestPeer }[] = [];
    for (let id = 1; id <= 5_000; id += 1) {
      if (random(3) > 0 || model.length === 0) model.push({ id, peer: scene.add(id) });
      else if (random(4) === 0) {
        const [left] = model.splice(random(model.length), 1);
        scene.waiting.drop(left?.peer as TestPeer);
      } else assert.equal(scene.take(), model.shift()?.id, `seed ${seed}, step ${id}`);
      assert.equal(scene.waiting.has(A) || model.length === 0, true, `seed ${seed}, step ${id}`);
    }
    for (const { id } of model) assert.equal(scene.take(), id, `seed ${seed}`);
    assert.deepEqual([scene.take(), scene.waiting.has(A)], [undefined, false]);
  });

  it('give up when their time is over, and are forgotten', async () => {
    const scene = new Scene();
    scene.add(1, { waitMs: 1_000 });
    scene.add(2, { waitMs: 5_000 });
    scene.add(3, { group: B, waitMs: 1_000 });
    await scene.clock.advance(1_500);
    assert.deepEqual(scene.timedOut, [1, 3]);
    assert.deepEqual(scene.waiting.groups(), [A]);
    assert.equal(scene.take(), 2);
  });

  it('cost no more each when there are many', () => {
    const timed = (count: number): number => {
      const scene = new Scene();
      for (let id = 0; id < count; id += 1) scene.add(id);
      const startedMs = performance.now();
      while (scene.take() !== undefined);
      return performance.now() - startedMs;
    };
    timed(1_000);
    // Cut at each step, a line of 100,000 takes ten seconds.
    assert.ok(timed(100_000) < 2_000);
  });
});
