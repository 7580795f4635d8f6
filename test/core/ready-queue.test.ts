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

  it('agrees with a sorted list when long runs leave and come back', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const group = new ReadyGroup();
    const ready = new Uint8Array(20_000);
    group.push(3, 1, 10_000);
    group.push(3, 12_000, 8_000);
    for (let n = 1; n < 20_000; n += 1) ready[n] = n <= 10_000 || n >= 12_000 ? 1 : 0;
    const away = new Map<number, number>();
    for (let step = 0; step < 400; step += 1) {
      const chance = random();
      if (chance < 0.5) {
        const first = 1 + pick(random, 19_000);
        const longest = 1 + pick(random, 900);
        let count = 0;
        while (count < longest && ready[first + count] === 1) count += 1;
        if (count === 0) continue;
        ready.fill(0, first, first + count);
        group.leftRun(3, first, count);
        away.set(first, count);
      } else if (chance < 0.9) {
        const run = [...away][pick(random, Math.max(1, away.size))];
        if (run === undefined) continue;
        away.delete(run[0]);
        ready.fill(1, run[0], run[0] + run[1]);
        group.giveBackRun(3, ...run);
      } else {
        const number = group.pop((n) => ready[n] === 1);
        assert.equal(number, Math.max(0, ready.indexOf(1)), `seed ${seed}, step ${step}`);
        ready[number] = 0;
      }
      assert.equal(
        group.ready,
        ready.reduce((sum, one) => sum + one, 0),
        `seed ${seed}, step ${step}`,
      );
    }
    const expected = [...ready.keys()].filter((n) => ready[n] === 1);
    const order: number[] = [];
    for (let n = group.pop((m) => ready[m] === 1); n !== 0; n = group.pop((m) => ready[m] === 1)) {
      ready[n] = 0;
      order.push(n);
    }
    assert.deepEqual(order, expected, `seed ${seed}`);
  });

  it('does not walk over a long run that left, to what stands behind it', () => {
    const group = new ReadyGroup();
    group.push(0, 1, 1_000_000);
    group.leftRun(0, 1, 999_999);
    let looked = 0;
    const number = group.pop((candidate) => {
      looked += 1;
      return candidate === 1_000_000;
    });
    assert.deepEqual([number, looked], [1_000_000, 1]);
  });
});
