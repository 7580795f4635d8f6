/** Whatever happened: a queue made again of what was left to be written is the queue it was. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failReasonName } from '../../core/fail-reasons.ts';
import { checkInvariants } from '../../core/invariants.ts';
import type { JobOptions } from '../../core/job-options.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { EMPTY_RECORD, type JobRecord } from '../../core/job-record.ts';
import { FIRST_JOB_NUMBER, rowOf } from '../../core/job-table.ts';
import { isHeld, STATE, stateName } from '../../core/states.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

const ROUNDS = 12;
const STEPS = 250;
/** Steps from one restart that is tried to the next. */
const STEPS_BETWEEN = 25;

type Disk = Map<number, JobRecord>;

/** Takes what is to be written, as the owner of the disk does. */
function flush(queue: JobQueue, disk: Disk): void {
  for (const [number, change] of queue.changes) {
    const before = disk.get(number) ?? { ...EMPTY_RECORD, ...retriesOf(queue, number) };
    disk.set(number, 'record' in change ? change.record : { ...before, ...change.patch });
  }
  queue.changes.clear();
}

function retriesOf(queue: JobQueue, number: number): Pick<JobRecord, 'retries' | 'retriesLeft'> {
  const { retries } = queue.templateOf(number).options;
  return { retries, retriesLeft: retries };
}

/** Everything of a job that a user or a scheduler can see. */
function seen(queue: JobQueue, number: number): { readonly state: string } {
  const chunk = queue.chunk(number);
  const row = rowOf(number);
  const state = queue.state(number);
  const attempt = queue.attempts.byNumber(number);
  return {
    state: stateName(state),
    // What is over is told of by its record alone.
    ...(state === STATE.complete || state === STATE.removed
      ? {}
      : {
          attempts: chunk.attempts[row],
          retriesLeft: chunk.retriesLeft[row],
          exitCode: chunk.exitCode[row],
          reason: failReasonName(chunk.reason[row] as number),
          grown: queue.cohortOf(number).grown,
        }),
    ...(attempt === undefined || !isHeld(state)
      ? {}
      : {
          token: attempt.token,
          runnerId: attempt.runnerId,
          pid: attempt.pid,
          startedMs: attempt.startedMs,
          lostMs: attempt.lostMs,
          killed: attempt.killed,
          given: attempt.given,
        }),
  };
}

function all(queue: JobQueue): Map<number, { readonly state: string }> {
  const jobs = new Map<number, { readonly state: string }>();
  for (let number = FIRST_JOB_NUMBER; number < queue.table.end; number += 1) {
    if (queue.state(number) !== STATE.none) jobs.set(number, seen(queue, number));
  }
  return jobs;
}

describe('a queue that comes back', () => {
  it('is as it was, whatever had happened in whatever order', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const states = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const adds: { readonly count: number; readonly options: Partial<JobOptions> }[] = [];
      const disk: Disk = new Map();
      const queue = new JobQueue();
      const tokens = makeTokens();
      const open: number[] = [];
      let nowMs = 1_000;
      const anyNumber = (): number =>
        FIRST_JOB_NUMBER + pick(random, Math.max(1, queue.table.end - FIRST_JOB_NUMBER));
      const anyToken = (): number => open[open.length - 1 - pick(random, Math.min(12, open.length))] ?? 0;
      const operations: readonly (() => void)[] = [
        () => {
          const options = {
            retries: pick(random, 3),
            memoryMb: 100 * (1 + pick(random, 3)),
            override: ([0, 1, 2] as const)[pick(random, 3)] ?? 0,
            onFailure: random() < 0.1 ? [{ remove: true }] : [],
          };
          const count = 1 + pick(random, 4);
          adds.push({ count, options });
          makeJobs(queue, count, options);
        },
        () => {
          const group = queue.groups.known(pick(random, Math.max(1, queue.groups.end)));
          if (group === undefined) return;
          const runner = { ...RUNNER, runnerId: `runner-${pick(random, 3)}` };
          for (const { token } of queue.reserve(group, 1 + pick(random, 3), runner, moment(nowMs), tokens))
            open.push(token);
        },
        () => queue.start(anyToken(), 7, nowMs, nowMs),
        () => {
          const outcome = (['complete', 'release', 'bury'] as const)[pick(random, 3)] ?? 'bury';
          const reason = (
            ['command used too much RAM', 'command used too much time', 'command exited non-zero'] as const
          )[pick(random, 3)];
          queue.end(
            ended(anyToken(), outcome, {
              startedMs: random() < 0.8 ? nowMs : 0,
              endedMs: nowMs + 10,
              exitCode: outcome === 'complete' ? 0 : pick(random, 5) - 1,
              reason: outcome === 'complete' ? '' : (reason ?? 'command exited non-zero'),
              peakRamMb: pick(random, 900),
            }),
            moment(nowMs),
            random(),
          );
        },
        () => queue.release(anyToken(), 'not enough time to run', moment(nowMs), random()),
        () => queue.kill(anyNumber()),
        () => queue.retry(anyNumber()),
        () => random() < 0.3 && queue.remove(anyNumber()),
        () => queue.confirmDead(anyNumber(), nowMs, random()),
        () => queue.placeDied(anyNumber(), nowMs, random()),
        () => queue.expire(moment(nowMs), 60_000, () => random() < 0.5),
        () =>
          queue.adopt(
            `runner-${pick(random, 3)}`,
            open.filter(() => random() < 0.5),
            moment(nowMs),
            random(),
          ),
        () => queue.ripen(nowMs, 10),
        () => {
          const group = queue.groups.known(pick(random, Math.max(1, queue.groups.end)));
          if (group !== undefined && random() < 0.1) queue.buryImpossible(group, 2, Buffer.from('too much'));
        },
        () => flush(queue, disk),
      ];
      for (let step = 1; step <= STEPS; step += 1) {
        nowMs += pick(random, 6_000);
        operations[pick(random, operations.length)]?.();
        if (step % STEPS_BETWEEN !== 0) continue;
        flush(queue, disk);
        const again = new JobQueue();
        for (const { count, options } of adds) makeJobs(again, count, options);
        for (const [number, record] of disk) again.recover(number, record, moment(nowMs));
        // Of a delay that is over nothing is written.
        for (const each of [queue, again]) each.ripen(nowMs, Number.MAX_SAFE_INTEGER);
        const after = all(again);
        for (const [number, job] of all(queue))
          assert.deepEqual(
            after.get(number),
            job,
            `seed ${seed}, round ${round}, step ${step}, job ${number}`,
          );
        assert.deepEqual(checkInvariants(again), [], `seed ${seed}, round ${round}, step ${step}`);
        for (const { state } of after.values()) states.add(state);
      }
    }
    for (const state of ['ready', 'delayed', 'reserved', 'running', 'lost', 'buried', 'complete', 'removed'])
      assert.ok(states.has(state), `seed ${seed}: some are ${state}`);
  });
});
