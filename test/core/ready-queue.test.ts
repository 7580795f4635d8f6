import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReadyGroup } from '../../core/ready-queue.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

function drain(group: ReadyGroup): number[] {
  const order: number[] = [];
  for (let number = group.pop(() => true); number !== 0; number = group.pop(() => true)) order.push(number);
  return order;
}

describe('ReadyGroup', () => {
  it('serves priorities from high to low and numbers from low to high', () => {
    const group = new ReadyGroup();
    group.push(0, 1, 3);
    group.push(7, 4, 2);
    group.push(0, 6, 1);
    assert.equal(group.priority, 7);
    assert.deepEqual(drain(group), [4, 5, 1, 2, 3, 6]);
    assert.equal(group.priority, -1);
  });

  it('puts what comes back at its old place', () => {
    const group = new ReadyGroup();
    group.push(0, 10, 5);
    assert.equal(
      group.pop(() => true),
      10,
    );
    assert.equal(
      group.pop(() => true),
      11,
    );
    group.giveBack(0, 11);
    group.giveBack(0, 10);
    assert.deepEqual(drain(group), [10, 11, 12, 13, 14]);
  });

  it('takes ranges that arrive out of order', () => {
    const group = new ReadyGroup();
    group.push(0, 100, 2);
    group.push(0, 50, 2);
    assert.deepEqual(drain(group), [50, 51, 100, 101]);
  });

  it('agrees with a sorted list, stale entries or not', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const group = new ReadyGroup();
    const ready = new Map<number, number>();
    const priorities = new Map<number, number>();
    let next = 1;
    for (let step = 0; step < 5_000; step += 1) {
      const chance = random();
      if (chance < 0.3) {
        const count = 1 + pick(random, 5);
        const priority = pick(random, 3);
        group.push(priority, next, count);
        for (let i = 0; i < count; i += 1) {
          ready.set(next + i, priority);
          priorities.set(next + i, priority);
        }
        next += count;
      } else if (chance < 0.45 && next > 1) {
        const number = 1 + pick(random, next - 1);
        const priority = priorities.get(number) as number;
        if (ready.has(number)) {
          group.left(priority);
          ready.delete(number);
        } else {
          group.giveBack(priority, number);
          ready.set(number, priority);
        }
      } else {
        const best = [...ready].sort(([a, p], [b, q]) => q - p || a - b)[0]?.[0] ?? 0;
        const popped = group.pop((number, priority) => ready.get(number) === priority);
        assert.equal(popped, best, `seed ${seed}, step ${step}`);
        ready.delete(popped);
      }
      assert.equal(group.ready, ready.size, `seed ${seed}, step ${step}`);
    }
  });
});
