/** What follows from each reason for which an attempt can end (jobs.md §5, §7, §8): the queue's side of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAIL_REASONS, type FailReason } from '../../core/fail-reasons.ts';
import { FREE_LOSSES_MAX } from '../../core/free-losses.ts';
import { checkInvariants } from '../../core/invariants.ts';
import type { JobOptions } from '../../core/job-options.ts';
import { JobQueue } from '../../core/job-queue.ts';
import type { JobRecord } from '../../core/job-record.ts';
import { rowOf } from '../../core/job-table.ts';
import type { EndedEvent } from '../../core/runner-messages.ts';
import { stateName } from '../../core/states.ts';
import { ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

const HOUR_MS = 3_600_000;

/** One job, attempted again and again. */
class Attempted {
  queue = new JobQueue();
  number: number;
  nowMs = 1_000_000;
  readonly #options: Partial<JobOptions>;
  readonly #tokens = makeTokens();

  constructor(options: Partial<JobOptions>) {
    this.#options = options;
    [this.number = 0] = makeJobs(this.queue, 1, options);
  }

  /** Lets any back-off pass and begins an attempt. @returns its token */
  begin(started = true): number {
    this.nowMs += 2 * HOUR_MS;
    this.queue.ripen(this.nowMs, 10);
    const { group } = this.queue.cohortOf(this.number);
    const [attempt] = this.queue.reserve(group, 1, RUNNER, moment(this.nowMs), this.#tokens);
    assert.ok(attempt, `it is handed out, and not ${this.state}`);
    if (started) this.queue.start(attempt.token, 7, this.nowMs, this.nowMs);
    return attempt.token;
  }

  end(outcome: EndedEvent['outcome'], reason: FailReason, started = true): void {
    const startedMs = started ? this.nowMs : 0;
    const token = this.begin(started);
    const exitCode = outcome === 'complete' ? 0 : 1;
    this.queue.end(
      ended(token, outcome, {
        reason,
        exitCode,
        startedMs: started ? this.nowMs : 0,
        endedMs: startedMs + 10,
      }),
      moment(this.nowMs),
      0,
    );
    assert.deepEqual(checkInvariants(this.queue), []);
  }

  /** As after a kill −9: a new queue from the records. */
  restart(): void {
    const record = this.record;
    const after = new JobQueue();
    const [number = 0] = makeJobs(after, 1, this.#options);
    after.recover(number, record, moment(this.nowMs));
    this.queue = after;
    this.number = number;
  }

  get record(): JobRecord {
    const change = this.queue.changes.get(this.number);
    assert.ok(change !== undefined && 'record' in change);
    return change.record;
  }

  get state(): string {
    return stateName(this.queue.table.state(this.number));
  }

  get retriesLeft(): number {
    return this.queue.chunk(this.number).retriesLeft[rowOf(this.number)] as number;
  }

  get attempts(): number {
    return this.queue.chunk(this.number).attempts[rowOf(this.number)] as number;
  }
}

describe('the end of an attempt', () => {
  const released: readonly FailReason[] = [
    'command used too much RAM',
    'ran out of disk space',
    'command used too much time',
    'runner received a signal to stop',
    'command exited non-zero',
    'command failed to complete normally',
    'failed to upload files to remote file system',
    'container failed to start',
  ];
  const buried: readonly FailReason[] = [
    'command permission problem',
    'command not found',
    'command invalid exit code',
    'killed by user request',
  ];
  const neverStarted: readonly FailReason[] = [
    'failed to get environment variables',
    'working directory does not exist',
    'mounting of remote file system(s) failed',
    'could not interact with docker',
    'command line too long',
  ];

  for (const reason of released) {
    it(`is tried again, as often as there are retries, after: ${reason}`, () => {
      const job = new Attempted({ retries: 1 });
      job.end('release', reason);
      assert.deepEqual([job.state, job.retriesLeft, job.record.reason], ['delayed', 0, reason]);
      job.end('release', reason);
      assert.deepEqual([job.state, job.attempts, job.record.reason], ['buried', 2, reason]);
    });
  }

  for (const reason of buried) {
    it(`is final after: ${reason}`, () => {
      const job = new Attempted({ retries: 3 });
      job.end('bury', reason);
      assert.deepEqual([job.state, job.attempts, job.record.reason], ['buried', 1, reason]);
    });
  }

  for (const reason of neverStarted) {
    it(`is final without an attempt after: ${reason}`, () => {
      const job = new Attempted({ retries: 3 });
      job.end('bury', reason, false);
      assert.deepEqual([job.state, job.attempts, job.record.reason], ['buried', 0, reason]);
    });
  }

  it('uses up a retry when the command could not be started, though it never ran', () => {
    const job = new Attempted({ retries: 1 });
    job.end('release', 'command failed to start', false);
    assert.deepEqual([job.state, job.attempts, job.retriesLeft], ['delayed', 0, 0]);
    job.end('release', 'command failed to start', false);
    assert.deepEqual([job.state, job.record.reason], ['buried', 'command failed to start']);
  });

  it('uses up no retry when the runner went before it had started the command', () => {
    const job = new Attempted({ retries: 1 });
    for (let i = 0; i < 5; i += 1) {
      job.end('release', 'runner received a signal to stop', false);
      assert.deepEqual([job.state, job.retriesLeft], ['delayed', 1]);
      job.queue.release(job.begin(false), 'not enough time to run', moment(job.nowMs), 0);
      assert.deepEqual([job.state, job.retriesLeft], ['ready', 1]);
    }
  });

  it('is final without an attempt when the command could not even be handed out', () => {
    const job = new Attempted({ retries: 3 });
    assert.equal(job.queue.unreadable(job.begin(false), job.nowMs), true);
    const reason = 'command could not be read from the database';
    assert.deepEqual([job.state, job.attempts, job.record.reason], ['buried', 0, reason]);
  });

  it('covers every reason there is', () => {
    const others: readonly FailReason[] = [
      '',
      'command failed to start',
      'lost contact with runner',
      'resource requirements cannot be met',
      'not enough time to run',
      'command could not be read from the database',
    ];
    const covered = [...released, ...buried, ...neverStarted, ...others];
    assert.deepEqual([...covered].sort(), [...FAIL_REASONS].sort());
  });
});

describe('retries', () => {
  it('wait twice as long each time, from the beginning again after a user’s retry', () => {
    const job = new Attempted({ retries: 3 });
    const delays: number[] = [];
    const fail = (): void => {
      job.end('release', 'command exited non-zero');
      delays.push((job.record.readyMs - job.nowMs) / 1_000);
    };
    fail();
    fail();
    fail();
    job.end('release', 'command exited non-zero');
    assert.equal(job.state, 'buried');
    job.queue.retry(job.number);
    fail();
    fail();
    assert.deepEqual(delays, [60, 90, 150, 60, 90]);
  });

  it('may be 255, and counting does not wrap', () => {
    const job = new Attempted({ retries: 255 });
    for (let i = 0; i < 255; i += 1) job.end('release', 'command exited non-zero');
    assert.deepEqual([job.state, job.retriesLeft, job.attempts], ['delayed', 0, 255]);
    job.end('release', 'command exited non-zero');
    assert.deepEqual([job.state, job.retriesLeft, job.attempts], ['buried', 0, 255]);
    job.queue.retry(job.number);
    assert.equal(job.retriesLeft, 255);
  });

  it('are used up by attempts that got lost', () => {
    const job = new Attempted({ retries: 1 });
    for (const state of ['delayed', 'buried']) {
      job.begin();
      job.queue.expire(moment(job.nowMs + 60_000), 60_000, () => true);
      assert.equal(job.state, state);
      assert.equal(job.record.reason, 'lost contact with runner');
    }
  });

  it('are not used up when the place died, ten times, over restarts too', () => {
    const job = new Attempted({ retries: 1 });
    for (let i = 0; i < FREE_LOSSES_MAX; i += 1) {
      job.begin();
      assert.equal(job.queue.placeDied(job.number, job.nowMs, 0), true);
      assert.deepEqual([job.state, job.retriesLeft, job.record.freeLosses], ['delayed', 1, i + 1]);
      if (i % 3 === 0) job.restart();
    }
    job.begin();
    job.queue.placeDied(job.number, job.nowMs, 0);
    assert.deepEqual([job.state, job.retriesLeft], ['delayed', 0]);
    job.begin();
    job.queue.placeDied(job.number, job.nowMs, 0);
    assert.equal(job.state, 'buried');
    assert.deepEqual(checkInvariants(job.queue), []);
  });

  it('of a job whose place died before it started cost nothing, and a killed one stays killed', () => {
    const job = new Attempted({ retries: 1 });
    job.begin(false);
    job.queue.placeDied(job.number, job.nowMs, 0);
    assert.deepEqual([job.state, job.retriesLeft, job.record.freeLosses], ['ready', 1, 0]);
    job.begin();
    job.queue.kill(job.number);
    job.queue.placeDied(job.number, job.nowMs, 0);
    assert.deepEqual([job.state, job.record.reason], ['buried', 'killed by user request']);
    assert.equal(job.queue.placeDied(job.number, job.nowMs, 0), false);
  });
});
