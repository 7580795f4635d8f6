import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { listJobs, runJobs } from './manager-steps.ts';

const COUNT = 1_000;
const select = { by: 'repGroup', repGroup: 'mine', search: false } as const;

/** A runner takes a few hundred at a time. @returns how many there were */
async function runAll(
  harness: ManagerHarness,
  outcome: 'bury' | 'complete',
  exitCode: number,
): Promise<number> {
  let count = 0;
  for (let ran = -1; ran !== 0; count += ran)
    ran = (await runJobs(harness, 250, outcome, { exitCode })).length;
  return count;
}

function manyLines(): string {
  return Array.from({ length: COUNT }, (_, i) => `c${i}\n`).join('');
}

/** A manager in which so many commands were buried. */
async function withBuried(store: MemoryStore): Promise<ManagerHarness> {
  const harness = await ManagerHarness.start(store);
  await harness.add(manyLines(), { repGroup: 'mine', retries: 0 });
  assert.equal(await runAll(harness, 'bury', 1), COUNT);
  return harness;
}

async function changed(harness: ManagerHarness, peer: TestPeer): Promise<void> {
  while (peer.count('changed') === 0) await settle();
  harness.check();
  assert.deepEqual(peer.last('changed'), { type: 'changed', id: 1, changed: COUNT, eligible: COUNT });
}

describe('a change of many commands', () => {
  it('retries them in commits of a few hundred, all of which are on disk when it is answered', async () => {
    const store = new MemoryStore();
    const harness = await withBuried(store);
    const { batches } = harness.manager.persist;
    const peer = new TestPeer();
    harness.send(peer, { type: 'retry', id: 1, requestId: 'r', select });
    await changed(harness, peer);
    assert.ok(harness.manager.persist.batches - batches >= 3);
    const after = await ManagerHarness.start(store.crash());
    after.check();
    const jobs = await listJobs(after, { select });
    assert.equal(jobs.length, COUNT);
    assert.ok(jobs.every(({ State }) => State === 'ready'));
    assert.equal(await runAll(after, 'complete', 0), COUNT);
  });

  it('removes with them the records of those few that have one, and no others', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('kept\n', { repGroup: 'other', retries: 0, priority: 9 });
    await harness.add(manyLines(), { repGroup: 'mine', retries: 0 });
    await harness.add('kept too\n', { repGroup: 'other', retries: 0, priority: 9 });
    assert.equal((await runJobs(harness, 5, 'bury', { exitCode: 1 })).length, 5);
    assert.equal(store.count('records'), 5);
    const peer = new TestPeer();
    harness.send(peer, { type: 'remove', id: 1, requestId: 'd', select, buriedOnly: false });
    await changed(harness, peer);
    assert.equal(store.count('records'), 2);
    const after = await ManagerHarness.start(store.crash());
    after.check();
    const states = (await listJobs(after)).map(({ Cmd, State }) => `${Cmd} ${State}`);
    assert.deepEqual(states.sort(), ['kept buried', 'kept too buried']);
  });

  it('removes buried ones with their records', async () => {
    const store = new MemoryStore();
    const harness = await withBuried(store);
    assert.equal(store.count('records'), COUNT);
    const peer = new TestPeer();
    harness.send(peer, { type: 'remove', id: 1, requestId: 'd', select, buriedOnly: true });
    await changed(harness, peer);
    assert.equal(store.count('records'), 0);
    const after = await ManagerHarness.start(store.crash());
    after.check();
    assert.deepEqual(await listJobs(after), []);
  });
});
