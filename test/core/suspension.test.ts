import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInvariants } from '../../core/invariants.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { STATE, type StateCode, stateName } from '../../core/states.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

function each(queue: JobQueue, change: 'suspend' | 'resume', numbers: readonly number[]): number {
  const list = Uint32Array.from(numbers);
  let changed = 0;
  for (let at = 0; at < list.length; ) {
    const step = queue.suspension[change](list, at);
    changed += step.changed;
    at = step.next;
  }
  assert.deepEqual(checkInvariants(queue), []);
  return changed;
}

const states = (queue: JobQueue, numbers: readonly number[]): string[] =>
  numbers.map((number) => stateName(queue.state(number)));

function failOne(queue: JobQueue, nowMs = 0): number {
  const number = makeJobs(queue, 1)[0] as number;
  const group = queue.templateOf(number).schedulerGroup;
  const [attempt] = queue.reserve(group, 1, RUNNER, moment(nowMs), makeTokens());
  queue.end(ended(attempt?.token ?? 0, 'release', { startedMs: 1 }), moment(nowMs), 0.5);
  return attempt?.number ?? 0;
}

describe('Suspension', () => {
  it('holds back what is ready, so that it is not handed out, and gives it back at its place', () => {
    const queue = new JobQueue();
    const numbers = makeJobs(queue, 200);
    assert.equal(each(queue, 'suspend', numbers.slice(0, 150)), 150);
    const group = queue.templateOf(numbers[0] as number).schedulerGroup;
    const tokens = makeTokens();
    assert.equal(queue.reserve(group, 1, RUNNER, moment(0), tokens)[0]?.number, numbers[150]);
    assert.equal(each(queue, 'resume', numbers), 150);
    assert.equal(queue.reserve(group, 1, RUNNER, moment(0), tokens)[0]?.number, numbers[0]);
    assert.deepEqual(checkInvariants(queue), []);
  });

  it('leaves alone what runs, is reserved, is buried or is suspended already', () => {
    const queue = new JobQueue();
    const numbers = makeJobs(queue, 4, { retries: 0 });
    const group = queue.templateOf(numbers[0] as number).schedulerGroup;
    const held = queue.reserve(group, 3, RUNNER, moment(0), makeTokens());
    queue.start(held[1]?.token ?? 0, 5, 1, 1);
    queue.end(ended(held[2]?.token ?? 0, 'release', { startedMs: 1 }), moment(2), 0);
    assert.equal(each(queue, 'suspend', numbers), 1);
    assert.equal(each(queue, 'suspend', numbers), 0);
    assert.deepEqual(states(queue, numbers), ['reserved', 'running', 'buried', 'suspended']);
    assert.equal(each(queue, 'resume', numbers.slice(0, 3)), 0);
  });

  it('makes a delayed job delayed again when its back-off is not over, and ready when it is', () => {
    const queue = new JobQueue();
    const number = failOne(queue);
    const dueMs = queue.due.nextMs;
    each(queue, 'suspend', [number]);
    each(queue, 'resume', [number]);
    assert.equal(queue.state(number), STATE.delayed);
    each(queue, 'suspend', [number]);
    assert.equal(queue.ripen(dueMs, 10), 0);
    assert.equal(queue.state(number), STATE.suspended);
    each(queue, 'resume', [number]);
    assert.equal(queue.state(number), STATE.ready);
  });

  it('makes a dependent job dependent again, or ready once nothing is left to wait for', () => {
    const queue = new JobQueue();
    const [first, second, parent, other] = makeJobs(queue, 4) as [number, number, number, number];
    for (const [job, on] of [
      [first, parent],
      [second, other],
    ] as const) {
      queue.dependencies.addSingleWait(job, on);
      queue.move(job, 'depend');
    }
    each(queue, 'suspend', [first, second]);
    const group = queue.templateOf(parent).schedulerGroup;
    const handed = queue.reserve(group, 2, RUNNER, moment(0), makeTokens());
    const done = handed.find((attempt) => attempt.number === other);
    queue.end(ended(done?.token ?? 0, 'complete', { startedMs: 1 }), moment(1), 0);
    while (queue.dependencies.sweeping) queue.dependencies.sweep(10);
    each(queue, 'resume', [first, second]);
    assert.deepEqual(states(queue, [first, second]), ['dependent', 'ready']);
  });

  it('waits, once resumed, for what came before it meanwhile', () => {
    const queue = new JobQueue();
    const [job, parent] = makeJobs(queue, 2) as [number, number];
    each(queue, 'suspend', [job]);
    queue.dependencies.addSingleWait(job, parent);
    each(queue, 'resume', [job]);
    assert.deepEqual(states(queue, [job]), ['dependent']);
  });

  it('can be removed, and its bit goes with it', () => {
    const queue = new JobQueue();
    const numbers = makeJobs(queue, 2);
    each(queue, 'suspend', numbers);
    queue.suspension.changed.clear();
    queue.remove(numbers[0] as number);
    const [entry] = [...queue.suspension.changed];
    assert.deepEqual([...(queue.suspension.bits(entry as NonNullable<typeof entry>) ?? [])], [2]);
  });

  it('agrees with a job by job model under any order of suspending, resuming and taking', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const queue = new JobQueue();
    const numbers = makeJobs(queue, 300).concat(makeJobs(queue, 300, { priority: 2 }));
    const group = queue.templateOf(numbers[0] as number).schedulerGroup;
    const model = new Map<number, StateCode>(numbers.map((number) => [number, STATE.ready]));
    const tokens = makeTokens();
    for (let step = 0; step < 200; step += 1) {
      const from = pick(random, numbers.length);
      const some = numbers.slice(from, from + 1 + pick(random, 300));
      const chance = random();
      if (chance < 0.45) {
        each(queue, 'suspend', some);
        for (const n of some) if (model.get(n) === STATE.ready) model.set(n, STATE.suspended);
      } else if (chance < 0.9) {
        each(queue, 'resume', some);
        for (const n of some) if (model.get(n) === STATE.suspended) model.set(n, STATE.ready);
      } else {
        const ready = numbers.filter((n) => model.get(n) === STATE.ready);
        const best = ready.find((n) => n > (numbers[299] as number)) ?? ready[0];
        const [attempt] = queue.reserve(group, 1, RUNNER, moment(0), tokens);
        assert.equal(attempt?.number, best, `seed ${seed}, step ${step}`);
        if (best !== undefined) model.set(best, STATE.reserved);
      }
      for (const n of numbers) assert.equal(queue.state(n), model.get(n), `seed ${seed}, step ${step}`);
    }
  });
});
