import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FailBudgets, NO_BUDGET } from '../../core/fail-budgets.ts';
import { checkMaxFails } from '../../core/job-fields.ts';
import { JobQueue } from '../../core/job-queue.ts';
import { ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

describe('the budget of a report group', () => {
  it('counts burials from when it is given, and stops the group at the last one', () => {
    const budgets = new FailBudgets();
    budgets.noteBurial(1);
    assert.equal(budgets.get(1), undefined);
    budgets.give(1, 2);
    budgets.noteBurial(2);
    budgets.noteBurial(1);
    assert.equal(budgets.anyStopped, false);
    budgets.noteBurial(1);
    assert.deepEqual(budgets.get(1), { max: 2, fails: 2, stopped: true });
    assert.deepEqual([budgets.anyStopped, budgets.isStopped(1), budgets.isStopped(2)], [true, true, false]);
    assert.deepEqual([...budgets.sweeps], [1]);
  });

  it('goes on, and counts anew, when it is lifted', () => {
    const budgets = new FailBudgets();
    budgets.give(1, 1);
    budgets.noteBurial(1);
    budgets.lift(1);
    assert.deepEqual(budgets.get(1), { max: 1, fails: 0, stopped: false });
    assert.deepEqual([budgets.anyStopped, budgets.sweeps.size], [false, 0]);
    budgets.noteBurial(1);
    assert.equal(budgets.isStopped(1), true);
  });

  it('given anew counts what was buried before, and does not lift a stop; none takes it away', () => {
    const budgets = new FailBudgets();
    budgets.give(1, 3);
    budgets.noteBurial(1);
    budgets.noteBurial(1);
    budgets.give(1, 2);
    assert.equal(budgets.isStopped(1), true);
    budgets.give(1, 9);
    assert.equal(budgets.isStopped(1), true);
    budgets.give(1, NO_BUDGET);
    assert.deepEqual([budgets.get(1), budgets.anyStopped], [undefined, false]);
  });

  it('is a number from 1, or -1', () => {
    assert.equal(checkMaxFails(1), 1);
    assert.equal(checkMaxFails(-1), -1);
    for (const bad of [0, -2, 1.5, 1_000_001])
      assert.throws(() => checkMaxFails(bad), {
        code: 'BAD_OPTION',
        message: `--max_fails value (${bad}) was not specified correctly: it must be a whole number from 1 to 1000000, or -1 for no limit`,
      });
  });
});

describe('a queue with a budget', () => {
  it('counts burials but those that a user asked for, and hands out nothing of a stopped group', () => {
    const queue = new JobQueue();
    const tokens = makeTokens();
    const numbers = makeJobs(queue, 600, { repGroup: 'g', retries: 0 });
    const [other] = makeJobs(queue, 1, { repGroup: 'other' });
    const { repGroup, schedulerGroup: group } = queue.templateOf(numbers[0] as number);
    queue.failBudgets.give(repGroup, 2);
    const [a, b, c] = queue.reserve(group, 3, RUNNER, moment(1_000), tokens);
    queue.kill(a?.number as number);
    queue.end(ended(a?.token as number, 'bury', { reason: 'killed by user request' }), moment(2_000), 0);
    queue.end(ended(b?.token as number, 'bury'), moment(2_000), 0);
    assert.deepEqual(queue.failBudgets.get(repGroup), { max: 2, fails: 1, stopped: false });
    queue.end(ended(c?.token as number, 'bury'), moment(2_000), 0);
    assert.equal(queue.failBudgets.isStopped(repGroup), true);
    const handedOut: number[] = [];
    for (let i = 0; i < 3; i += 1)
      handedOut.push(...queue.reserve(group, 5, RUNNER, moment(3_000), tokens).map(({ number }) => number));
    assert.deepEqual(handedOut, [other], 'what is put aside on the way is suspended, some at a time');
    assert.equal(queue.state(numbers[10] as number), 4);
  });
});
