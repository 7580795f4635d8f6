import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WrError } from '../../core/errors.ts';
import { type PlanResult, type PlanTask, plan } from '../../workers/plan.ts';
import { HostRunner } from './host-runner.ts';
import { ManagerHarness } from './manager-harness.ts';

describe('what is allotted', () => {
  it('is an error in the log when it cannot be planned, unless that is so because the manager stops', async () => {
    for (const [error, told] of [
      [new WrError('WORKER_FAILED', 'out of memory'), ['planning failed; trying again']],
      [new WrError('STOPPING', 'the manager is stopping'), []],
    ] as const) {
      const harness = await ManagerHarness.start(undefined, { plan: () => Promise.reject(error) });
      await harness.add('a\n');
      await harness.clock.advance(500);
      assert.deepEqual([...new Set(harness.errors)], told);
    }
  });

  it('passes on at once when nothing is left of a group, however soon after the last plan', async () => {
    const harness = await ManagerHarness.start();
    for (let i = 0; i < 8; i += 1) await harness.add(`own ${i}\n`, { limitGroups: [`g${i}`] });
    const runner = await HostRunner.connect(harness);
    await runner.fill(); // Four cores: four of them.
    await runner.end();
    await harness.clock.advance(1);
    await runner.take();
    // Now the last plan is a millisecond old.
    for (let done = 0; done < 3; done += 1) {
      await runner.end();
      runner.accept(); // Not asked for: they come with the allotment.
      assert.equal(runner.held.length, 4, `after ${done + 2} ended`);
    }
    harness.check();
  });

  it('is planned anew only every 20 ms while there is work for every slot', async () => {
    let plans = 0;
    const counted = (task: PlanTask): Promise<PlanResult> => {
      plans += 1;
      return Promise.resolve().then(() => plan(task));
    };
    const harness = await ManagerHarness.start(undefined, { plan: counted });
    await harness.add(Array.from({ length: 50 }, (_, i) => `same ${i}\n`).join(''));
    const runner = await HostRunner.connect(harness);
    await runner.fill();
    plans = 0;
    for (let done = 0; done < 19; done += 1) {
      await runner.end();
      await harness.clock.advance(1);
      await runner.take();
    }
    assert.equal(plans, 1);
  });
});
