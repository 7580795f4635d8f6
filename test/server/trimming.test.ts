import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle } from './manager-harness.ts';
import { listJobs, report } from './manager-steps.ts';

/** Adds commands that each ask for something of their own. */
function addOwn(harness: ManagerHarness, from: number, count: number): Promise<unknown> {
  const lines = Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return `echo ${n}\t{"memory":"${1000 + n}M","rep_grp":"group ${n}","req_grp":"req ${n}"}`;
  });
  return harness.add(lines.join('\n'), {}, { requestId: `from ${from}` });
}

/** Runs all that is ready, each in its own scheduler group. */
async function runAll(harness: ManagerHarness, outcome: 'complete' | 'bury' = 'complete'): Promise<void> {
  const peer = await harness.connectRunner('no group');
  for (const { name } of [...harness.manager.queue.groups.active]) {
    const { jobs } = await harness.reserve(peer, name, 256);
    const startedMs = harness.clock.nowMs();
    const times = { startedMs, endedMs: startedMs + 2_000, peakRamMb: 300 };
    await report(harness, peer, ...jobs.map((job) => ended(job.attempt, outcome, times)));
  }
  // The learner, the archive and what is let go of have their turn.
  for (let i = 0; i < 4; i += 1) await harness.clock.advance(2_000);
  harness.check();
}

function kept({ manager: { queue } }: ManagerHarness): number[] {
  const { templates, cohorts, groups } = queue;
  return [templates.size, [...cohorts.all()].length, [...groups.all()].length];
}

describe('what commands have in common', () => {
  it('leaves memory some time after the last command that has it', async () => {
    const harness = await ManagerHarness.start();
    for (let batch = 0; batch < 6; batch += 1) {
      await addOwn(harness, batch * 100, 100);
      await runAll(harness);
    }
    assert.equal(harness.manager.queue.keys.size, 0, 'all are archived');
    for (const number of kept(harness)) assert.ok(number <= 257, `${number} are kept`);
  });

  it('stays while a command has it, whatever that has come to', async () => {
    const harness = await ManagerHarness.start();
    await addOwn(harness, 0, 20);
    await runAll(harness, 'bury');
    for (let batch = 1; batch < 4; batch += 1) {
      await addOwn(harness, batch * 100, 100);
      await runAll(harness);
    }
    const buried = await listJobs(harness, { states: ['buried'] });
    assert.deepEqual(
      buried.map(({ RepGroup }) => RepGroup),
      Array.from({ length: 20 }, (_, i) => `group ${i}`),
    );
    const texts = [...harness.manager.queue.templates.rows()].filter(([, rows]) => rows > 0);
    assert.equal(texts.length, 20);
  });

  it('is read back when its commands are asked for or run again', async () => {
    const harness = await ManagerHarness.start();
    for (let batch = 0; batch < 4; batch += 1) {
      await addOwn(harness, batch * 100, 100);
      await runAll(harness);
    }
    const select = { by: 'repGroup', repGroup: 'group 3', search: false } as const;
    const [job] = await listJobs(harness, { select });
    assert.deepEqual([job?.State, job?.RepGroup, job?.ExpectedRAM], ['complete', 'group 3', 1003]);
    const added = await harness.add('echo 3\t{"rep_grp":"group 3","req_grp":"req 3"}', {}, { rerun: true });
    assert.equal(added.added, 1);
    await runAll(harness);
    const again = await listJobs(harness, { select });
    assert.deepEqual(
      again.map(({ State, Cmd }) => `${State} ${Cmd}`),
      ['complete echo 3'],
    );
  });

  it('is what was learned when commands of its requirement group are added again', async () => {
    const harness = await ManagerHarness.start();
    for (let batch = 0; batch < 4; batch += 1) {
      await addOwn(harness, batch * 100, 100);
      await runAll(harness);
    }
    await harness.add('echo new\t{"req_grp":"req 0","memory":"7G"}');
    const [job] = await listJobs(harness);
    assert.deepEqual([job?.ExpectedRAM, job?.ExpectedFrom.RAM.From], [300, 'learned']);
  });

  it('is not loaded by a start, but for what jobs in the queue have', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await addOwn(harness, 0, 100);
    await runAll(harness);
    await addOwn(harness, 100, 3);
    const restarted = await ManagerHarness.start(store);
    assert.equal(restarted.manager.queue.templates.size, 3);
    await addOwn(restarted, 103, 1);
    await runAll(restarted);
    await settle();
    const done = await listJobs(restarted, { select: { by: 'repGroup', repGroup: 'group', search: true } });
    assert.deepEqual(
      done.map(({ RepGroup, Cmd, State }) => `${State} ${RepGroup} ${Cmd}`),
      Array.from({ length: 104 }, (_, i) => `complete group ${i} echo ${i}`),
    );
  });
});
