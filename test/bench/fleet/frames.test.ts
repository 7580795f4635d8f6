import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CycleFrame, readAnswer } from '../../../bench/fleet/frames.ts';
import { decodeFrame, encodeFrame } from '../../../core/codec.ts';
import type { Reply, Request } from '../../../core/protocol.ts';
import type { JobOrder } from '../../../core/runner-messages.ts';

function makeJob(attempt: number): JobOrder {
  const cmd = Buffer.from('echo 1');
  return {
    attempt,
    key: 'ab',
    cmd,
    template: 1,
    delta: null,
    attemptsLeft: 3,
    memoryMb: 1024,
    timeMs: 3_600_000,
  };
}

function makeAnswer(jobs: readonly JobOrder[]): Buffer {
  const replies: Reply[] = [
    { type: 'reported', id: 7, superseded: [] },
    { type: 'jobs', id: 8, group: 'g', templates: [], jobs, leave: false },
  ];
  return Buffer.from(encodeFrame(replies));
}

describe('frames of a simulated runner', () => {
  it('decode to a report of start and end, and a reserve', () => {
    const cycle = new CycleFrame('1024:60:1:0', 500);
    cycle.patch(1, 2, 3, 4);
    const [report, reserve] = decodeFrame<Request>(cycle.patch(99, 10, 1_700_000_000_000, 1_700_000_000_005));
    assert.ok(report?.type === 'report');
    assert.equal(report.id, 10);
    const [started, ended] = report.events;
    assert.ok(started?.event === 'started' && ended?.event === 'ended');
    assert.equal(started.attempt, 99);
    assert.equal(started.startedMs, 1_700_000_000_000);
    assert.equal(ended.attempt, 99);
    assert.equal(ended.endedMs, 1_700_000_000_005);
    assert.equal(ended.outcome, 'complete');
    assert.deepEqual(reserve, { type: 'reserve', id: 11, group: '1024:60:1:0', count: 1, waitMs: 500 });
  });

  it('read the attempt of an answer, however its number is packed', () => {
    for (const attempt of [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3]) {
      assert.deepEqual(readAnswer(makeAnswer([makeJob(attempt)])), { kind: 'job', attempt });
    }
  });

  it('tell an answer without a job, an error and anything else apart', () => {
    assert.equal(readAnswer(makeAnswer([])).kind, 'noJob');
    const error = { type: 'error', id: 1, code: 'INTERNAL', message: '', retryable: false };
    assert.equal(readAnswer(Buffer.from(encodeFrame(error))).kind, 'error');
    assert.equal(readAnswer(Buffer.from(encodeFrame({ type: 'touched', id: 1, kill: [] }))).kind, 'other');
  });
});
