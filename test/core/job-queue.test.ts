import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInvariants } from '../../core/invariants.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { rowOf } from '../../core/job-table.ts';
import { STATE } from '../../core/states.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { addCommands, ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

const GONE = (): boolean => true;
const ALIVE = (): boolean => false;

function groupOf(queue: JobQueue, number: number) {
  return queue.templateOf(number).schedulerGroup;
}

function assertHolds(queue: JobQueue): void {
  assert.deepEqual(checkInvariants(queue), []);
}

describe('JobQueue', () => {
  it('hands out jobs in order of adding within a priority, higher priorities first', () => {
    const queue = new JobQueue();
    const plain = makeJobs(queue, 3);
    const urgent = makeJobs(queue, 2, { priority: 9 });
    const group = groupOf(queue, plain[0] as number);
    const handed = queue.reserve(group, 10, RUNNER, moment(0), makeTokens());
    assert.deepEqual(
      handed.map((attempt) => attempt.number),
      [...urgent, ...plain],
    );
    assertHolds(queue);
  });

  it('puts a job that comes back in front of those added after it', () => {
    const queue = new JobQueue();
    const [first] = makeJobs(queue, 3);
    const group = groupOf(queue, first as number);
    const tokens = makeTokens();
    const [attempt] = queue.reserve(group, 1, RUNNER, moment(0), tokens);
    queue.release(attempt?.token ?? 0, '', moment(10), 0);
    const [again] = queue.reserve(group, 1, RUNNER, moment(20), tokens);
    assert.equal(again?.number, first);
    assertHolds(queue);
  });

  it('completes a job once and calls a second report of it superseded', () => {
    const queue = new JobQueue();
    const [number] = makeJobs(queue, 1);
    const [attempt] = queue.reserve(groupOf(queue, number as number), 1, RUNNER, moment(0), makeTokens());
    const token = attempt?.token ?? 0;
    assert.equal(queue.start(token, 99, 1_000, 1_001), true);
    assert.equal(queue.end(ended(token, 'complete'), moment(2_000), 0), true);
    assert.equal(queue.end(ended(token, 'bury'), moment(2_001), 0), false);
    assert.equal(queue.table.state(number as number), STATE.complete);
    assert.deepEqual(queue.finished, [number]);
  });

  it('retries a failing job as often as it may and then buries it', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1, { retries: 2 });
    const tokens = makeTokens();
    let nowMs = 1_000;
    for (let attempts = 1; attempts <= 3; attempts += 1) {
      queue.ripen(nowMs, 10);
      const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(nowMs), tokens);
      assert.ok(attempt, `attempt ${attempts} is handed out`);
      queue.start(attempt.token, 5, nowMs, nowMs);
      queue.end(ended(attempt.token, 'release'), moment(nowMs), 0.5);
      assertHolds(queue);
      nowMs += 4_000_000;
    }
    assert.equal(queue.table.state(number), STATE.buried);
    const change = queue.changes.get(number);
    assert.ok(change !== undefined && 'record' in change);
    assert.equal(change.record.attempts, 3);
  });

  it('does not make a delayed job ready before its time', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.end(ended(attempt?.token ?? 0, 'release'), moment(1_000), 0);
    assert.equal(queue.ripen(30_999, 10), 0);
    assert.equal(queue.ripen(61_000, 10), 1);
    assert.equal(queue.table.state(number), STATE.ready);
  });

  it('does not end a back-off when an earlier one would have ended that was called off', () => {
    for (const isSuspended of [false, true]) {
      const queue = new JobQueue();
      const [number = 0, parent = 0] = makeJobs(queue, 2, { retries: 3 });
      const tokens = makeTokens();
      const step = (change: 'suspend' | 'resume'): unknown =>
        isSuspended && queue.suspension[change](Uint32Array.of(number), 0);
      const fail = (nowMs: number): number => {
        const attempt = queue.attempts.byNumber(number);
        queue.end(ended(attempt?.token ?? 0, 'release', { startedMs: nowMs }), moment(nowMs), 0);
        const change = queue.changes.get(number);
        return change !== undefined && 'record' in change ? change.record.readyMs : 0;
      };
      queue.reserve(groupOf(queue, number), 2, RUNNER, moment(0), tokens);
      const firstMs = fail(0);
      step('suspend');
      queue.dependencies.addSingleWait(number, parent);
      queue.reconsider(number);
      step('resume');
      assert.equal(queue.table.state(number), STATE.dependent);
      queue.end(ended(queue.attempts.byNumber(parent)?.token ?? 0, 'complete'), moment(1_000), 0);
      assert.equal(queue.table.state(number), STATE.ready);
      queue.reserve(groupOf(queue, number), 1, RUNNER, moment(1_000), tokens);
      const secondMs = fail(2_000);
      assert.ok(secondMs > firstMs);
      assert.equal(queue.ripen(firstMs, 10), 0);
      assert.equal(queue.table.state(number), STATE.delayed);
      assert.equal(queue.ripen(secondMs, 10), 1);
      assert.equal(queue.table.state(number), STATE.ready);
      assertHolds(queue);
    }
  });

  it('loses a running job that is silent for the TTR and finds it again when it speaks', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    const token = attempt?.token ?? 0;
    queue.start(token, 5, 10, 10);
    queue.expire(moment(60_009), 60_000, ALIVE);
    assert.equal(queue.table.state(number), STATE.running);
    queue.expire(moment(60_010), 60_000, ALIVE);
    assert.equal(queue.table.state(number), STATE.lost);
    assertHolds(queue);
    const usage = {
      peakRamMb: 1,
      peakDiskMb: 1,
      cpuMs: 1,
      stdout: new Uint8Array(0),
      stderr: new Uint8Array(0),
    };
    assert.deepEqual(queue.touch([{ attempt: token, ...usage }], 70_000), []);
    assert.equal(queue.table.state(number), STATE.running);
    assertHolds(queue);
  });

  it('keeps a lost job lost, and since when, when a kill is noted of it', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.start(attempt?.token ?? 0, 5, 10, 10);
    queue.expire(moment(60_010), 60_000, ALIVE);
    queue.kill(number);
    const change = queue.changes.get(number);
    assert.ok(change !== undefined && 'record' in change);
    const { state, endedMs, reason, killed } = change.record;
    assert.deepEqual(
      { state, endedMs, reason, killed },
      { state: STATE.lost, endedMs: 60_010, reason: 'lost contact with runner', killed: true },
    );
  });

  it('does not hand a job out again while its silent runner may yet be starting it', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.expire(moment(60_000), 60_000, () => false);
    assert.equal(queue.table.state(number), STATE.lost);
    assertHolds(queue);
    assert.equal(queue.start(attempt?.token ?? 0, 5, 70_000, 70_000), true);
    assert.equal(queue.table.state(number), STATE.running);
    assertHolds(queue);
  });

  it('puts a lost job back that was never started once its runner is known to be gone', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.expire(moment(60_000), 60_000, () => false);
    queue.expire(moment(90_000), 60_000, GONE);
    assert.equal(queue.table.state(number), STATE.ready);
    assertHolds(queue);
  });

  it('puts a job back that was handed out and never started', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.expire(moment(60_000), 60_000, GONE);
    assert.equal(queue.table.state(number), STATE.ready);
    assertHolds(queue);
  });

  it('takes a lost job for failed only when both its runner and its command are known to be gone', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1, { retries: 1 });
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.start(attempt?.token ?? 0, 77, 10, 10);
    queue.expire(moment(60_010), 60_000, (_, pid) => pid === RUNNER.pid);
    assert.equal(queue.table.state(number), STATE.lost);
    queue.expire(moment(60_020), 60_000, GONE);
    assert.equal(queue.table.state(number), STATE.delayed);
    assert.equal(queue.attempts.size, 0);
    assertHolds(queue);
  });

  it('does not call a killed job ended while its command may be running', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.start(attempt?.token ?? 0, 77, 10, 10);
    queue.kill(number);
    queue.expire(moment(60_010), 60_000, ALIVE);
    assert.equal(queue.table.state(number), STATE.lost);
    queue.expire(moment(60_020), 60_000, GONE);
    assert.equal(queue.table.state(number), STATE.buried);
    assertHolds(queue);
  });

  it('never starts a reserved job again after it was killed', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.kill(number);
    queue.release(attempt?.token ?? 0, '', moment(10), 0);
    assert.equal(queue.table.state(number), STATE.buried);
    assertHolds(queue);
  });

  it('takes a command that is in the queue for a duplicate, and one that was removed for new', () => {
    const queue = new JobQueue();
    const [number = 0] = addCommands(queue, ['echo a', 'echo a', 'echo b']);
    assert.equal(queue.keys.size, 2);
    assert.deepEqual(addCommands(queue, ['echo b']), []);
    assert.equal(queue.remove(number), true);
    queue.keys.remove(number);
    assert.equal(addCommands(queue, ['echo a']).length, 1);
    assertHolds(queue);
  });

  it('removes such a job however it came to be buried: killed, lost, or impossible', () => {
    const options = { retries: 0, onExit: [{ remove: true }] };
    const fates: readonly ((queue: JobQueue, number: number, token: number) => void)[] = [
      (queue, number, token) => {
        queue.kill(number);
        queue.release(token, '', moment(2_000), 0);
      },
      (queue, number, token) => {
        queue.start(token, 9, 1_000, 1_000);
        queue.kill(number);
        queue.expire(moment(100_000), 60_000, () => true);
      },
      (queue, number, token) => {
        queue.start(token, 9, 1_000, 1_000);
        queue.expire(moment(100_000), 60_000, () => false);
        queue.confirmDead(number, 100_001, 0);
      },
    ];
    for (const fate of fates) {
      const queue = new JobQueue();
      const [number = 0] = makeJobs(queue, 1, options);
      const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
      fate(queue, number, attempt?.token as number);
      assert.equal(queue.table.state(number), STATE.removed);
      assert.deepEqual(queue.finished, [number]);
      assert.deepEqual(checkInvariants(queue), []);
    }
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1, options);
    queue.buryImpossible(groupOf(queue, number), 10);
    assert.equal(queue.table.state(number), STATE.removed);
    assert.deepEqual(checkInvariants(queue), []);
  });

  it('says no more of a job that is tried again that it asked for too much', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1);
    queue.buryImpossible(groupOf(queue, number), 10, new TextEncoder().encode('too much'));
    const row = rowOf(number);
    assert.notEqual(queue.chunk(number).reason[row], 0);
    assert.equal(queue.retry(number), true);
    const { reason, exitCode } = queue.chunk(number);
    assert.deepEqual([reason[row], exitCode[row]], [0, 0]);
    const change = queue.changes.get(number);
    assert.ok(change !== undefined && 'patch' in change);
    assert.deepEqual([change.patch.reason, change.patch.exitCode, change.patch.stderr?.length], ['', 0, 0]);
    assertHolds(queue);
  });

  it('removes a job with a remove behaviour as soon as it is buried', () => {
    const queue = new JobQueue();
    const [number = 0] = makeJobs(queue, 1, { retries: 0, onFailure: [{ remove: true }] });
    const [attempt] = queue.reserve(groupOf(queue, number), 1, RUNNER, moment(0), makeTokens());
    queue.end(ended(attempt?.token ?? 0, 'release'), moment(10), 0);
    assert.equal(queue.table.state(number), STATE.removed);
  });

  it('comes back from its records as it was', () => {
    const before = new JobQueue();
    const numbers = makeJobs(before, 4, { retries: 0 });
    const tokens = makeTokens();
    const [a, b] = before.reserve(groupOf(before, numbers[0] as number), 2, RUNNER, moment(0), tokens);
    before.start(a?.token ?? 0, 5, 10, 10);
    before.end(ended(a?.token ?? 0, 'release'), moment(20), 0);
    before.start(b?.token ?? 0, 6, 10, 10);
    const after = new JobQueue();
    makeJobs(after, 4, { retries: 0 });
    for (const [number, change] of before.changes) {
      assert.ok('record' in change);
      after.recover(number, change.record, moment(100));
    }
    for (const number of numbers) assert.equal(after.table.state(number), before.table.state(number));
    assert.equal(after.attempts.byNumber(numbers[1] as number)?.token, b?.token);
    assertHolds(after);
  });

  it('keeps its invariants whatever happens in whatever order', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const queue = new JobQueue();
    const tokens = makeTokens();
    let nowMs = 1_000;
    const open: number[] = [];
    const anyNumber = (): number => 1 + pick(random, Math.max(1, queue.table.end - 1));
    const operations: (() => void)[] = [
      () =>
        makeJobs(queue, 1 + pick(random, 4), {
          priority: pick(random, 3),
          retries: pick(random, 3),
          memoryMb: 100 * pick(random, 3),
          override: ([0, 1, 2] as const)[pick(random, 3)] ?? 0,
          reqGroup: `req ${pick(random, 4)}`,
        }),
      () => addCommands(queue, [`same ${pick(random, 5)}`, `same ${pick(random, 5)}`]),
      () => {
        if (queue.groups.end === 0) return;
        const group = queue.groups.known(pick(random, queue.groups.end));
        if (group === undefined) return;
        const runner = { ...RUNNER, runnerId: `runner-${pick(random, 3)}` };
        for (const attempt of queue.reserve(group, 1 + pick(random, 3), runner, moment(nowMs), tokens))
          open.push(attempt.token);
      },
      () => queue.start(open[pick(random, open.length)] ?? 0, 7, nowMs, nowMs),
      () => {
        const outcome = (['complete', 'release', 'bury'] as const)[pick(random, 3)] ?? 'bury';
        queue.end(
          ended(open[pick(random, open.length)] ?? 0, outcome, {
            startedMs: nowMs,
            peakRamMb: pick(random, 400),
          }),
          moment(nowMs),
          random(),
        );
      },
      () => queue.release(open[pick(random, open.length)] ?? 0, '', moment(nowMs), random()),
      () => queue.kill(anyNumber()),
      () => queue.retry(anyNumber()),
      () => {
        const number = anyNumber();
        if (queue.remove(number)) queue.keys.remove(number);
      },
      () => queue.confirmDead(anyNumber(), nowMs, random()),
      () => queue.expire(moment(nowMs), 60_000, () => random() < 0.5, { isBare: () => random() < 0.5 }),
      () => {
        const token = open[pick(random, open.length)] ?? 0;
        if ((queue.attempts.byToken(token)?.lostMs ?? 0) > 0)
          queue.discover(token, { pid: 9, birth: 8 }, nowMs);
      },
      () => queue.ripen(nowMs, 10),
      () => {
        const usage = queue.cohorts.usages.of(`req ${pick(random, 4)}`);
        const recommendation = { memoryMb: 100 * pick(random, 4), timeMs: 0, diskGb: pick(random, 2) };
        queue.cohorts.usages.merged(usage, usage.freshValues(), recommendation);
        queue.cohorts.apply(usage);
      },
    ];
    const texts = new Map<number, string>();
    queue.templates.source = (id) => texts.get(id);
    let dropped = 0;
    operations.push(
      () => {
        // The archive takes what is over.
        for (const number of queue.finished.splice(0)) queue.forget(number);
      },
      () => {
        for (const [id] of queue.templates.rows()) texts.set(id, queue.templates.get(id).json);
        queue.cohorts.usages.changed.clear();
        dropped += queue.trim(1 + pick(random, 8), () => random() < 0.5, pick(random, 4));
        if (random() < 0.5) queue.groups.reuseIds();
      },
    );
    for (let step = 0; step < 4_000; step += 1) {
      nowMs += pick(random, 20_000);
      operations[pick(random, operations.length)]?.();
      if (step % 10 === 0) assert.deepEqual(checkInvariants(queue), [], `seed ${seed}, step ${step}`);
    }
    assert.ok(open.length > 100, `seed ${seed}: something was handed out`);
    assert.ok(dropped > 20, `seed ${seed}: something was dropped`);
  });
});
