import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInvariants } from '../../core/invariants.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { NOTHING_LEARNED, type Recommendation } from '../../core/learning.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

const ASKED = '1024:60:1:0';

function learn(queue: JobQueue, reqGroup: string, recommendation: Partial<Recommendation>): void {
  const usage = queue.cohorts.usages.of(reqGroup);
  const nothing = { memory: [], disk: [], time: [] };
  queue.cohorts.usages.merged(usage, nothing, { ...NOTHING_LEARNED, ...recommendation });
  queue.cohorts.apply(usage);
}

function names(queue: JobQueue): string[] {
  return [...queue.groups.active].map(({ name, ready }) => `${name} ×${ready.ready}`).sort();
}

function assertHolds(queue: JobQueue, hint = ''): void {
  assert.deepEqual(checkInvariants(queue), [], hint);
}

describe('cohorts', () => {
  it('serve jobs of different requirement groups as one queue while they are given the same', () => {
    const queue = new JobQueue();
    const first = makeJobs(queue, 2, { reqGroup: 'a' });
    const second = makeJobs(queue, 2, { reqGroup: 'b' });
    const third = makeJobs(queue, 2, { reqGroup: 'a' });
    const urgent = makeJobs(queue, 1, { reqGroup: 'b', priority: 3 });
    assert.deepEqual(names(queue), [`${ASKED} ×7`]);
    const group = queue.groups.find(ASKED);
    assert.ok(group);
    const order = queue.reserve(group, 10, RUNNER, moment(0), makeTokens()).map(({ number }) => number);
    assert.deepEqual(order, [...urgent, ...first, ...second, ...third]);
    assertHolds(queue);
  });

  it('move to another scheduler group with all ready jobs when something is learned', () => {
    const queue = new JobQueue();
    makeJobs(queue, 5, { reqGroup: 'a' });
    makeJobs(queue, 3, { reqGroup: 'b' });
    learn(queue, 'a', { memoryMb: 300, timeMs: 5_000, diskGb: 1 });
    assert.deepEqual(names(queue), [`${ASKED} ×3`, '400:30:1:1 ×5']);
    assertHolds(queue);
    learn(queue, 'a', { memoryMb: 1_024, timeMs: 3_600_000 });
    assert.deepEqual(names(queue), [`${ASKED} ×8`]);
    assertHolds(queue);
  });

  it('count an attempt where it was reserved, wherever its like are served by now', () => {
    const queue = new JobQueue();
    makeJobs(queue, 2, { reqGroup: 'a' });
    const group = queue.groups.find(ASKED);
    assert.ok(group);
    const [attempt] = queue.reserve(group, 1, RUNNER, moment(0), makeTokens());
    learn(queue, 'a', { memoryMb: 300 });
    assert.equal(group.held, 1);
    assert.equal(attempt?.given.memoryMb, 1_024);
    queue.release(attempt?.token ?? 0, '', moment(1), 0);
    assert.equal(group.held, 0);
    assert.deepEqual(names(queue), ['400:60:1:0 ×2']);
    assertHolds(queue);
  });

  it('are found by a runner of their own for what they asked for, if what they are given now fits in it', () => {
    const queue = new JobQueue();
    makeJobs(queue, 1, { reqGroup: 'a' });
    makeJobs(queue, 1, { reqGroup: 'b' });
    learn(queue, 'a', { memoryMb: 300 });
    learn(queue, 'b', { memoryMb: 3_000 });
    const group = queue.groups.find(ASKED);
    assert.ok(group);
    assert.equal(queue.reserve(group, 5, RUNNER, moment(0), makeTokens()).length, 0);
    const tokens = makeTokens();
    const [attempt, ...others] = queue.reserve(group, 5, RUNNER, moment(0), tokens, true);
    assert.equal(attempt?.given.memoryMb, 300);
    assert.equal(attempt?.group, group.id);
    assert.deepEqual(others, []);
    assertHolds(queue);
  });

  it('part with a job that ran out of memory, and only with that one', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 3, { reqGroup: 'a' });
    const tokens = makeTokens();
    const group = queue.groups.find(ASKED);
    assert.ok(group);
    const [attempt] = queue.reserve(group, 1, RUNNER, moment(0), tokens);
    queue.start(attempt?.token ?? 0, 5, 10, 10);
    const reason = 'command used too much RAM';
    queue.end(ended(attempt?.token ?? 0, 'release', { reason, peakRamMb: 1_500 }), moment(20), 0);
    queue.ripen(100_000, 10);
    assert.deepEqual(names(queue), [`${ASKED} ×2`, '3000:60:1:0 ×1']);
    assert.deepEqual(queue.cohortOf(number).chosen.from, {
      memory: 'grown',
      disk: 'default',
      time: 'default',
    });
    assertHolds(queue);
    learn(queue, 'a', { memoryMb: 5_000 });
    assert.deepEqual(names(queue), ['5000:60:1:0 ×3']);
    assertHolds(queue);
  });

  it('let nothing grow with override 2', () => {
    const queue = new JobQueue();
    makeJobs(queue, 1, { override: 2, memorySet: true });
    const tokens = makeTokens();
    const group = queue.groups.find(ASKED);
    assert.ok(group);
    const [attempt] = queue.reserve(group, 1, RUNNER, moment(0), tokens);
    queue.start(attempt?.token ?? 0, 5, 10, 10);
    const reason = 'command used too much RAM';
    queue.end(ended(attempt?.token ?? 0, 'release', { reason, peakRamMb: 1_500 }), moment(20), 0);
    queue.ripen(100_000, 10);
    assert.deepEqual(names(queue), [`${ASKED} ×1`]);
  });

  it('serve the best job first whatever moves, as one sorted list would', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const queue = new JobQueue();
    const tokens = makeTokens();
    for (let step = 0; step < 1_500; step += 1) {
      const reqGroup = `g${pick(random, 5)}`;
      const chance = random();
      if (chance < 0.3) makeJobs(queue, 1 + pick(random, 3), { reqGroup, priority: pick(random, 2) });
      else if (chance < 0.5) learn(queue, reqGroup, { memoryMb: 500 * pick(random, 3) });
      else if (chance < 0.6) queue.remove(1 + pick(random, queue.table.end));
      else {
        const group = queue.groups.get(pick(random, Math.max(1, queue.groups.end)));
        if (group === undefined) continue;
        const best = bestOf(queue, group.id);
        const [attempt] = queue.reserve(group, 1, RUNNER, moment(step), tokens);
        assert.equal(attempt?.number ?? 0, best, `seed ${seed}, step ${step}`);
        if (attempt !== undefined && random() < 0.5) queue.release(attempt.token, '', moment(step), 0);
      }
      if (step % 20 === 0) assertHolds(queue, `seed ${seed}, step ${step}`);
    }
  });
});

/** By looking at every job. */
function bestOf(queue: JobQueue, group: number): number {
  let best = 0;
  let bestPriority = -1;
  for (let number = 1; number < queue.table.end; number += 1) {
    if (queue.table.state(number) !== 1 || queue.cohortOf(number).group.id !== group) continue;
    const priority = queue.table.chunkOf(number)?.priority[number & 0xffff] ?? 0;
    if (priority > bestPriority) {
      best = number;
      bestPriority = priority;
    }
  }
  return best;
}
