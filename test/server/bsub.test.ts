import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PageReply } from '../../core/client-replies.ts';
import { decodeFrame } from '../../core/codec.ts';
import { WrError } from '../../core/errors.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { JobsReply } from '../../core/runner-messages.ts';
import type { Selector } from '../../core/selector.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);
const BSUB = { bsubMode: 'production' };

async function list(harness: ManagerHarness, select: Selector): Promise<StatusJob[]> {
  const peer = new TestPeer();
  harness.send(peer, {
    type: 'status',
    id: harness.nextId(),
    select,
    output: 'jobs',
    states: ['ready', 'running', 'reserved', 'buried'],
    limit: 0,
    env: false,
    host: '',
  });
  await settle();
  return peer.frames.flatMap((frame) => decodeFrame(frame) as PageReply[]).flatMap(({ jobs }) => jobs);
}

const idsOf = (jobs: readonly StatusJob[]): (number | undefined)[] => jobs.map(({ wr }) => wr?.bsubId);

async function reserve(
  harness: ManagerHarness,
  count: number,
): Promise<{ peer: TestPeer; jobs: JobsReply['jobs'] }> {
  const peer = await harness.connectRunner(GROUP);
  const { jobs } = await harness.reserve(peer, GROUP, count);
  return { peer, jobs };
}

describe('LSF job ids of commands', () => {
  it('are given to commands with a bsub mode only, in the order of adding', async () => {
    const harness = await ManagerHarness.start();
    assert.equal((await harness.add('plain')).bsubId, 0);
    assert.equal((await harness.add('a\nb', BSUB)).bsubId, 1);
    assert.equal((await harness.add('plain 2\n{"cmd":"c","bsub_mode":true}\nplain 3')).bsubId, 3);
    assert.deepEqual(idsOf(await list(harness, { by: 'all' })), [0, 1, 2, 0, 3, 0]);
    const all = await list(harness, { by: 'bsub', ids: [] });
    assert.deepEqual(
      all.map(({ Cmd, wr }) => [Cmd, wr?.bsubId]),
      [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ],
    );
    assert.deepEqual(
      (await list(harness, { by: 'bsub', ids: [3, 99, 1] })).map(({ Cmd }) => Cmd),
      ['c', 'a'],
    );
  });

  it('are the same when an add is repeated, and none when all are duplicates', async () => {
    const harness = await ManagerHarness.start();
    const first = await harness.add('a', BSUB, { requestId: 'again' });
    assert.deepEqual(await harness.add('a', BSUB, { requestId: 'again' }), { ...first, id: first.id + 2 });
    assert.equal((await harness.add('a', BSUB)).bsubId, 0);
    assert.equal((await harness.add('b', BSUB)).bsubId, 2);
  });

  it('hold over a restart, and are not given twice', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('over\nkept', BSUB);
    await harness.add('all over', BSUB);
    const { peer, jobs } = await reserve(harness, 3);
    const events = jobs
      .filter(({ cmd }) => Buffer.from(cmd).toString().includes('over'))
      .map(({ attempt }) => ended(attempt, 'complete', {}));
    harness.send(peer, { type: 'report', id: harness.nextId(), events });
    await settle();
    const again = await ManagerHarness.start(store);
    again.check();
    assert.deepEqual(idsOf(await list(again, { by: 'bsub', ids: [] })), [2]);
    assert.deepEqual(again.manager.queue.bsub.runs.length, 1);
    assert.equal((await again.add('next', BSUB)).bsubId, 4);
  });

  it('of an add that failed lead nowhere', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const commit = store.commit.bind(store);
    store.commit = () => Promise.reject(new WrError('STORE_FULL', 'full'));
    await assert.rejects(harness.add('a', BSUB), /full/);
    store.commit = commit;
    harness.check();
    assert.deepEqual(await list(harness, { by: 'bsub', ids: [1] }), []);
    assert.equal((await harness.add('a', BSUB)).bsubId, 2);
  });

  it('are new ones for commands that run again behind a new member of a group', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('{"cmd":"m 1","dep_grps":["g"]}');
    await harness.add('{"cmd":"c","deps":["g"]}', BSUB);
    for (let round = 0; round < 2; round += 1) {
      const { peer, jobs } = await reserve(harness, 1);
      const events = jobs.map(({ attempt }) => ended(attempt, 'complete', {}));
      harness.send(peer, { type: 'report', id: harness.nextId(), events });
      await settle();
    }
    assert.deepEqual(await list(harness, { by: 'bsub', ids: [] }), []);
    assert.equal((await harness.add('{"cmd":"m 2","dep_grps":["g"]}')).bsubId, 0);
    await settle();
    const peer = new TestPeer();
    const request = { type: 'status', id: 1, output: 'jobs', limit: 0, env: false, host: '' } as const;
    harness.send(peer, { ...request, select: { by: 'bsub', ids: [] }, states: ['dependent'] });
    await settle();
    const jobs = peer.frames
      .flatMap((frame) => decodeFrame(frame) as PageReply[])
      .flatMap((page) => page.jobs);
    assert.deepEqual(
      jobs.map(({ Cmd, wr }) => [Cmd, wr?.bsubId]),
      [['c', 2]],
    );
    harness.check();
  });

  it('select what is killed and removed', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc', BSUB);
    const { peer, jobs } = await reserve(harness, 1);
    const client = new TestPeer();
    const select: Selector = { by: 'bsub', ids: [1, 3] };
    harness.send(client, { type: 'kill', id: 1, requestId: 'k', select, confirmDead: false, ageMs: 0 });
    await settle();
    assert.deepEqual(
      peer.last('kill').attempts,
      jobs.map(({ attempt }) => attempt),
    );
    harness.send(client, { type: 'remove', id: 2, requestId: 'r', select, buriedOnly: false });
    await settle();
    assert.deepEqual([client.last('changed').changed, client.last('changed').eligible], [1, 1]);
    assert.deepEqual(idsOf(await list(harness, { by: 'bsub', ids: [] })), [1, 2]);
    harness.check();
  });

  it('select what is summed up', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc', BSUB);
    await harness.add('plain');
    const peer = new TestPeer();
    harness.send(peer, {
      type: 'status',
      id: 1,
      select: { by: 'bsub', ids: [1, 3] },
      output: 'summary',
      states: [],
      limit: 0,
      env: false,
      host: '',
    });
    await settle();
    assert.deepEqual(
      peer.last('summary').groups.map(({ repGroup, counts }) => [repGroup, counts.ready]),
      [['manually_added', 2]],
    );
  });
});

describe('"bsub_mode": true', () => {
  it('means the deployment of the manager', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('{"cmd":"a","bsub_mode":true}\n{"cmd":"b","bsub_mode":"production"}');
    const { queue } = harness.manager;
    assert.deepEqual(
      [1, 2].map((number) => queue.templateOf(number).options.bsubMode),
      ['development', 'production'],
    );
  });
});
