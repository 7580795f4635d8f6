import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DueTimes } from '../../core/due-times.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

it('gives out what is due, earliest first, and no more than asked for', () => {
  const seed = chooseSeed();
  const random = seeded(seed);
  const due = new DueTimes();
  const times = new Map<number, number>();
  for (let number = 1; number <= 1_000; number += 1) {
    const time = pick(random, 10_000);
    times.set(number, time);
    due.add(number, time);
  }
  assert.equal(due.nextMs, Math.min(...times.values()), `seed ${seed}`);
  const early = due.take(5_000, 10_000);
  assert.deepEqual(
    early.map((number) => times.get(number)),
    [...times.values()].filter((time) => time <= 5_000).sort((a, b) => a - b),
    `seed ${seed}`,
  );
  assert.equal(due.take(20_000, 3).length, 3);
  assert.equal(due.size, 1_000 - early.length - 3);
});

it('counts only the latest time of a job that was put off again, sooner or later than before', () => {
  const due = new DueTimes();
  for (const [number, first, second] of [
    [1, 10, 20],
    [2, 30, 5],
  ] as const) {
    due.add(number, first);
    due.add(number, second, true);
  }
  assert.deepEqual(due.take(15, 10), [2]);
  // Others, called off meanwhile, are no due times of what comes after them.
  due.add(2, 40, true);
  assert.deepEqual(due.take(30, 10), [1]);
  assert.deepEqual(due.take(40, 10), [2]);
  assert.equal(due.size, 0);
});
