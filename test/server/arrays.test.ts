import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DryPagePush, PageReply } from '../../core/client-replies.ts';
import { decodeFrame } from '../../core/codec.ts';
import { WrError } from '../../core/errors.ts';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { MemoryStore } from '../../store/memory.ts';
import { arrayPart } from '../../workers/array-part.ts';
import { ended } from '../core/queue-builders.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);
const line = (cmd: string, array: string, more: object = {}): string =>
  JSON.stringify({ cmd, array, ...more });

async function list(harness: ManagerHarness): Promise<StatusJob[]> {
  const peer = new TestPeer();
  harness.send(peer, {
    type: 'status',
    id: harness.nextId(),
    select: { by: 'all' },
    output: 'jobs',
    states: [],
    limit: 0,
    env: false,
    host: '',
  });
  await settle();
  return peer.frames.flatMap((frame) => decodeFrame(frame) as PageReply[]).flatMap(({ jobs }) => jobs);
}

const commands = (jobs: readonly StatusJob[]): string[] => jobs.map(({ Cmd }) => Cmd);

/** Adds and lets a long add come to its end. */
async function addLong(
  harness: ManagerHarness,
  text: string,
  more: { head?: number } = {},
): Promise<TestPeer> {
  const peer = new TestPeer();
  const requestId = `long ${harness.nextId()}`;
  const { head = 0 } = more;
  harness.send(peer, {
    type: 'addBegin',
    id: 1,
    requestId,
    defaults: DEFAULT_JOB_OPTIONS,
    rerun: false,
    head,
    wantKeys: false,
  });
  harness.send(peer, { type: 'addFrame', requestId, seq: 0, bytes: Buffer.from(text) });
  harness.send(peer, { type: 'addEnd', id: 2, requestId, frames: 1 });
  for (let i = 0; i < 400 && !peer.received.some(({ type }) => type === 'added' || type === 'error'); i += 1)
    await settle(1);
  return peer;
}

describe('an array of commands', () => {
  it('is a command for each index, in order, among the other lines of an input', async () => {
    const harness = await ManagerHarness.start();
    const added = await harness.add(
      [
        'first',
        line('a {}', '1-3', { priority: 7, dep_grps: ['d'] }),
        'middle',
        '',
        `b {} {}\t{"array":"10,12","rep_grp":"g"}`,
        'last',
      ].join('\n'),
    );
    assert.deepEqual([added.added, added.queued, added.usedDefaultRepGroup], [8, 0, true]);
    const jobs = await list(harness);
    assert.deepEqual(commands(jobs), ['first', 'a 1', 'a 2', 'a 3', 'middle', 'b 10 10', 'b 12 12', 'last']);
    assert.deepEqual(
      jobs.map(({ ArrayIndex }) => ArrayIndex),
      [null, 1, 2, 3, null, 10, 12, null],
    );
    assert.deepEqual(
      jobs.map(({ Priority }) => Priority),
      [0, 7, 7, 7, 0, 0, 0, 0],
    );
    assert.deepEqual(
      jobs.map(({ RepGroup }) => RepGroup === 'g'),
      [false, false, false, false, false, true, true, false],
    );
    assert.deepEqual(jobs[2]?.DepGroups, ['d']);
    assert.equal(jobs[2]?.Key, jobKeyHex('a 2', DEFAULT_JOB_OPTIONS));
  });

  it('has no duplicates of what is queued, and says how many there were', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a 2\na 4');
    const added = await harness.add(line('a {}', '1-5,1'));
    assert.deepEqual([added.added, added.queued], [3, 3]);
    assert.deepEqual(commands(await list(harness)), ['a 2', 'a 4', 'a 1', 'a 3', 'a 5']);
    assert.deepEqual(
      (await list(harness)).map(({ ArrayIndex }) => ArrayIndex),
      [null, null, 1, 3, 5],
    );
    assert.equal((await harness.add('a 3')).queued, 1);
  });

  it('hands each command its index', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(`${line('run.sh', '5-6')}\n${line('a {}', '7', { cwd: '/other' })}`);
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, 3);
    assert.deepEqual(
      jobs.map(({ cmd, delta }) => [Buffer.from(cmd).toString(), delta]),
      [
        ['export WR_ARRAY_INDEX=5; run.sh', { arrayIndex: '5' }],
        ['export WR_ARRAY_INDEX=6; run.sh', { arrayIndex: '6' }],
        ['a 7', { cwd: '/other', arrayIndex: '7' }],
      ],
    );
    // The variable is not the program.
    assert.equal((await list(harness)).filter(({ ReqGroup }) => ReqGroup === 'run.sh').length, 2);
  });

  it('is there after a restart, but for what has ended, and as a whole or not at all', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(line('a {}', '1-4', { priority: 3 }));
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, 2);
    harness.send(peer, {
      type: 'report',
      id: harness.nextId(),
      events: [ended(jobs[0]?.attempt ?? 0, 'complete', {}), ended(jobs[1]?.attempt ?? 0, 'bury', {})],
    });
    await settle();
    const again = await ManagerHarness.start(store);
    again.check();
    const left = await list(again);
    assert.deepEqual(
      left.map(({ Cmd, State, Priority }) => [Cmd, State, Priority]),
      [
        ['a 2', 'buried', 3],
        ['a 3', 'ready', 3],
        ['a 4', 'ready', 3],
      ],
    );
    assert.deepEqual([(await again.add(line('a {}', '1-5'))).added, (await list(again)).length], [1, 4]);
  });

  it('of many commands is stored part by part, and told of while it comes', async () => {
    const harness = await ManagerHarness.start();
    const peer = await addLong(harness, `before\n${line('a {}', '1-400000')}\nafter`);
    assert.equal(peer.last('added').added, 400_002);
    const told = peer.received.flatMap((reply) => (reply.type === 'addCredit' ? [reply] : []));
    assert.ok(told.length > 20, `${told.length} times`);
    assert.equal(
      told.reduce((sum, { frames }) => sum + frames, 0),
      1,
      'credit is for frames',
    );
    assert.equal(harness.manager.queue.keys.size, 400_002);
    assert.equal([...harness.store.range('staged')].length, 0);
  });

  it('is cut off where --head says', async () => {
    const harness = await ManagerHarness.start();
    const peer = await addLong(harness, `${line('a {}', '1-10000000')}`, { head: 20_000 });
    assert.equal(peer.last('added').added, 20_000);
    assert.equal(harness.manager.queue.keys.size, 20_000);
  });

  it('leaves nothing when a part of it fails', async () => {
    let parts = 0;
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store, {
      arrayPart: async (task) => {
        parts += 1;
        if (parts === 30) throw new WrError('WORKER_FAILED', 'a worker failed');
        return arrayPart(task);
      },
    });
    const peer = await addLong(harness, line('a {}', '1-1000000'));
    assert.equal(peer.last('error').code, 'WORKER_FAILED');
    await settle(40);
    assert.equal(harness.manager.queue.keys.size, 0);
    assert.equal([...store.range('staged')].length + [...store.range('segments')].length, 0);
    harness.check();
    assert.equal((await harness.add(line('a {}', '1-3'))).added, 3);
  });

  it('is refused with its line when its indexes make no sense, and nothing is added', async () => {
    const harness = await ManagerHarness.start();
    for (const [array, message] of [
      ['', /line 2: array value \(\).*at least one index/],
      ['1-0', /line 2: array value \(1-0\)/],
      ['1-100000000', /line 2: array value .*at most 10000000/],
      [5, /line 2: array/],
    ] as const)
      await assert.rejects(harness.add(`x\n${JSON.stringify({ cmd: 'a {}', array })}\ny`), message);
    await assert.rejects(harness.add(`${line('a {}', '1-3')}\n\n{"cmd":3}`), /line 3: /);
    await assert.rejects(
      harness.add(`${line('a {}', '1-3')}\n${line('b {}', '1-3', { priority: 900 })}`),
      /line 2: priority/,
    );
    assert.equal(harness.manager.queue.keys.size, 0);
    harness.check();
  });

  it('is shown by a dry run at its line, with each command', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a 2');
    const peer = new TestPeer();
    const begin = {
      defaults: DEFAULT_JOB_OPTIONS,
      rerun: false,
      head: 0,
      wantKeys: false,
      dryRun: { show: 0 },
    };
    harness.send(peer, { type: 'addBegin', id: 1, requestId: 'dry', ...begin });
    const bytes = Buffer.from(`x\n\n${line('a {}', '1-3')}\ny`);
    harness.send(peer, { type: 'addFrame', requestId: 'dry', seq: 0, bytes });
    harness.send(peer, { type: 'addEnd', id: 2, requestId: 'dry', frames: 1 });
    await settle(40);
    assert.deepEqual([peer.last('added').added, peer.last('added').queued], [4, 1]);
    const lines = peer.frames
      .flatMap((frame) => decodeFrame(frame) as DryPagePush[])
      .flatMap((page) => page.lines);
    assert.deepEqual(
      lines.map(({ line: at, verdict, job }) => [at, verdict, job.Cmd]),
      [
        [1, 'new', 'x'],
        [3, 'new', 'a 1'],
        [3, 'queued', 'a 2'],
        [3, 'new', 'a 3'],
        [4, 'new', 'y'],
      ],
    );
    assert.equal(peer.received.filter(({ type }) => type === 'addCredit').length, 1);
  });

  it('waits, all of it, for what its line says, and others wait for all of it', async () => {
    const harness = await ManagerHarness.start();
    await harness.add(
      [
        line('a {}', '1-2', { dep_grps: ['as'] }),
        line('b {}', '1-3', { deps: ['as'] }),
        '{"cmd":"c","cmd_deps":[{"cmd":"b 2","cwd":""}]}',
      ].join('\n'),
    );
    const states = async () => (await list(harness)).map(({ Cmd, State }) => `${Cmd} ${State}`);
    assert.deepEqual(await states(), [
      'a 1 ready',
      'a 2 ready',
      'b 1 dependent',
      'b 2 dependent',
      'b 3 dependent',
      'c dependent',
    ]);
    const peer = await harness.connectRunner(GROUP);
    const { jobs } = await harness.reserve(peer, GROUP, 2);
    const events = jobs.map(({ attempt }) => ended(attempt, 'complete', {}));
    harness.send(peer, { type: 'report', id: harness.nextId(), events });
    await settle();
    harness.check();
    assert.deepEqual(await states(), ['b 1 ready', 'b 2 ready', 'b 3 ready', 'c dependent']);
  });

  it('keeps its indexes when its commands are changed, also over a restart', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(line('a {}', '4-6', { priority: 2 }));
    const peer = new TestPeer();
    const changes = { options: { cwd: '/other', cwdMatters: true, priority: 8 }, cmd: null, dropOther: [] };
    harness.send(peer, { type: 'modify', id: 1, requestId: 'm', select: { by: 'all' }, changes });
    await settle(40);
    assert.equal(peer.last('changed').changed, 3);
    for (const manager of [harness, await ManagerHarness.start(store)]) {
      manager.check();
      const jobs = await list(manager);
      assert.deepEqual(
        jobs.map(({ Cmd, ArrayIndex, Priority, CwdBase }) => [Cmd, ArrayIndex, Priority, CwdBase]),
        [4, 5, 6].map((index) => [`a ${index}`, index, 8, '/other']),
      );
      const own = { ...DEFAULT_JOB_OPTIONS, cwd: '/other', cwdMatters: true };
      assert.equal(jobs[1]?.Key, jobKeyHex('a 5', own));
    }
  });

  it('is one LSF job, also in parts and after a restart', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const lines = `${line('a {}', '1-3')}\n${line('b {}', '1-2')}\n{"cmd":"c"}\n`;
    assert.equal((await harness.add(lines, { bsubMode: 'production' })).bsubId, 1);
    const long = line('d {}', '1-40000');
    assert.equal((await harness.add(long, { bsubMode: 'production' })).bsubId, 4);
    const { bsub, table } = harness.manager.queue;
    const ids = (queue: typeof bsub): number[] => [1, 2, 3, 4].map((id) => queue.numbersOf(id).length);
    assert.deepEqual(ids(bsub), [3, 2, 1, 40_000]);
    assert.equal(bsub.idOf(table.end - 1), 4);
    assert.deepEqual(
      (await list(harness)).slice(0, 7).map(({ wr }) => wr?.bsubId),
      [1, 1, 1, 2, 2, 3, 4],
    );
    const after = await ManagerHarness.start(store);
    assert.deepEqual(ids(after.manager.queue.bsub), [3, 2, 1, 40_000]);
    const fresh = await after.add('e', { bsubMode: 'production' }, { requestId: 'fresh' });
    assert.equal(fresh.bsubId, 5);
  });
});
