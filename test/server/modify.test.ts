import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PageReply } from '../../core/client-replies.ts';
import { decodeFrame } from '../../core/codec.ts';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import type { Selector } from '../../core/selector.ts';
import { stateName } from '../../core/states.ts';
import type { StatusJob } from '../../core/status-job.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ended } from '../core/queue-builders.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';

const groupOf = (options: Partial<JobOptions> = {}): string =>
  schedulerGroupOf({ ...DEFAULT_JOB_OPTIONS, ...options });
const all: Selector = { by: 'all' };

interface Modified {
  readonly changed: number;
  readonly eligible: number;
  readonly warnings: readonly string[];
  /** Old and new key. */
  readonly pairs: readonly (readonly [string, string])[];
}

async function mod(
  harness: ManagerHarness,
  options: Partial<JobOptions>,
  more: { readonly cmd?: string; readonly select?: Selector; readonly dropOther?: string[] } = {},
): Promise<Modified> {
  const peer = new TestPeer();
  const id = harness.nextId();
  const cmd = more.cmd === undefined ? null : Buffer.from(more.cmd);
  harness.send(peer, {
    type: 'modify',
    id,
    requestId: `mod ${id}`,
    select: more.select ?? all,
    changes: { options, cmd, dropOther: more.dropOther ?? [] },
  });
  await settle(40);
  harness.check();
  const refused = peer.received.find((message) => message.type === 'error');
  if (refused?.type === 'error') throw Object.assign(new Error(refused.message), { code: refused.code });
  const { changed, eligible, warnings = [] } = peer.last('changed');
  const pairs = peer.received.flatMap((message) => {
    if (message.type !== 'modified') return [];
    const hex = Buffer.from(message.pairs).toString('hex');
    return (hex.match(/.{64}/g) ?? []).map((pair) => [pair.slice(0, 32), pair.slice(32)] as const);
  });
  return { changed, eligible, warnings, pairs };
}

async function list(harness: ManagerHarness, repGroup?: string): Promise<StatusJob[]> {
  const peer = new TestPeer();
  harness.send(peer, {
    type: 'status',
    id: harness.nextId(),
    select: repGroup === undefined ? all : { by: 'repGroup', repGroup, search: false },
    output: 'jobs',
    states: [],
    limit: 0,
    env: false,
    host: '',
  });
  await settle();
  return peer.frames.flatMap((frame) => decodeFrame<PageReply>(frame).flatMap((page) => page.jobs));
}

async function crash(store: MemoryStore): Promise<ManagerHarness> {
  const harness = await ManagerHarness.start(store.crash());
  harness.check();
  return harness;
}

describe('modifying commands', () => {
  it('warns of demands that can never be met here', async () => {
    const harness = await ManagerHarness.start(undefined, {}, { gpu: 1 });
    await harness.add('a\nb\n');
    const warnings = async (options: Partial<JobOptions>) => (await mod(harness, options)).warnings;
    assert.deepEqual(await warnings({ cpus: 4 }), []);
    assert.deepEqual(await warnings({ resources: { gpu: 2 } }), [
      'so changed, commands can never run here and will be buried: ' +
        'gpu:2 was asked for, and there is gpu:1 (wr manager start --resources)',
    ]);
    assert.match(
      (await warnings({ resources: {}, cpus: 4.5 })).join(),
      /4\.5 cores were asked for, and there are 4$/,
    );
    assert.match(
      (await warnings({ cpus: 1, memoryMb: 9_000 })).join(),
      /9000 MB of memory .* there are 8000 MB$/,
    );
    assert.deepEqual(await warnings({ priority: 3 }), []);
  });

  it('changes what was named and nothing else, on disk before it is told', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\nb\t{"priority":3,"env":["A=1"],"cwd":"/own"}\n', { retries: 2 });
    const before = await list(harness);
    const { changed, eligible, pairs } = await mod(harness, {
      memoryMb: 2_000,
      memorySet: true,
      priority: 9,
    });
    assert.deepEqual([changed, eligible], [2, 2]);
    assert.deepEqual(
      pairs,
      before.map(({ Key }) => [Key, Key]),
    );
    const expected = before.map((job) => ({ ...job, ExpectedRAM: 2_000, Priority: 9, ExpectedFrom: null }));
    const withoutSources = (jobs: StatusJob[]) => jobs.map((job) => ({ ...job, ExpectedFrom: null }));
    assert.deepEqual(withoutSources(await list(harness)), expected);
    assert.deepEqual(withoutSources(await list(await crash(store))), expected);
    assert.equal(store.count('records'), 0);
  });

  it('hands changed commands out as they are now, in the scheduler group of what they need now', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n');
    await mod(harness, { memoryMb: 2_000, memorySet: true, env: ['X=1'] }, { cmd: 'c', select: keysOf('a') });
    const group = groupOf({ memoryMb: 2_000 });
    const peer = await harness.connectRunner(group);
    const { jobs, templates } = await harness.reserve(peer, group, 5);
    assert.deepEqual(
      jobs.map((job) => Buffer.from(job.cmd).toString()),
      ['c'],
    );
    assert.equal(jobs[0]?.key, jobKeyHex('c', DEFAULT_JOB_OPTIONS));
    assert.deepEqual(templates[0]?.options.env, ['X=1']);
    const other = await harness.connectRunner(groupOf());
    assert.equal((await harness.reserve(other, groupOf(), 5)).jobs.length, 1);
  });

  it('lets what runs, is reserved or complete alone', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\nd\n', { repGroup: 'g', retries: 0 });
    const peer = await harness.connectRunner(groupOf());
    const { jobs } = await harness.reserve(peer, groupOf(), 3);
    const startedMs = harness.clock.nowMs();
    const [one, two, three] = jobs.map(({ attempt }) => attempt) as [number, number, number];
    harness.send(peer, {
      type: 'report',
      id: 1,
      events: [
        ended(one, 'complete', { startedMs }),
        ended(two, 'release', { startedMs }),
        { event: 'started', attempt: three, pid: 5, startedMs },
      ],
    });
    await settle();
    const { changed, eligible } = await mod(
      harness,
      { priority: 7 },
      { select: { by: 'repGroup', repGroup: 'g', search: false } },
    );
    assert.deepEqual([changed, eligible], [2, 2]);
    const shown = Object.fromEntries(
      (await list(harness, 'g')).map((job) => [job.Cmd, [job.State, job.Priority]]),
    );
    assert.deepEqual(shown, { a: ['complete', 0], b: ['buried', 7], c: ['running', 0], d: ['ready', 7] });
  });

  it('gives new keys when identity changes, knows them after a restart, and frees the old ones', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\nb\n', { cwd: '/one' });
    const { pairs } = await mod(harness, { cwdMatters: true });
    const keys = ['a', 'b'].map((cmd) =>
      jobKeyHex(cmd, { ...DEFAULT_JOB_OPTIONS, cwd: '/one', cwdMatters: true }),
    );
    assert.deepEqual(
      pairs.map(([, key]) => key),
      keys,
    );
    const after = await crash(store);
    assert.deepEqual(
      (await list(after)).map(({ Key, CwdMatters }) => [Key, CwdMatters]),
      keys.map((key) => [key, true]),
    );
    assert.equal((await after.add('a\n', { cwd: '/one', cwdMatters: true })).queued, 1);
    assert.equal((await after.add('a\n', { cwd: '/one' })).added, 1);
  });

  it('leaves alone what would become the same as a queued, a complete or an already changed command', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('done\nkept\nold\n', { retries: 0 });
    const peer = await harness.connectRunner(groupOf());
    const { jobs } = await harness.reserve(peer, groupOf(), 1);
    harness.send(peer, {
      type: 'report',
      id: 1,
      events: [ended(jobs[0]?.attempt ?? 0, 'complete', { startedMs: 1 })],
    });
    await settle();
    await harness.clock.advance(3_000); // Its key has gone to the index.
    for (const cmd of ['done', 'kept']) {
      const { changed, eligible, pairs, warnings } = await mod(harness, {}, { cmd, select: keysOf('old') });
      assert.deepEqual([changed, eligible, pairs], [0, 1, []], cmd);
      assert.match(
        warnings.join(),
        /^1 of them is left as it is: so changed, it would be the same as another/,
      );
    }
    await harness.add('x\t{"cwd":"/1"}\nx\t{"cwd":"/2"}\n', { cwdMatters: true, repGroup: 'same' });
    const select: Selector = { by: 'repGroup', repGroup: 'same', search: false };
    assert.deepEqual((await mod(harness, { cwdMatters: false }, { select })).changed, 1);
  });

  it('tells each of hundreds in a row as it fared: another key, the same, or left alone', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const count = 700;
    const isTwin = (i: number): boolean => i % 7 === 3;
    const cwd = '/here';
    // Every seventh is there already as what it would become.
    const twins = Array.from({ length: count }, (_, i) => (isTwin(i) ? `true ${i}\n` : '')).join('');
    await harness.add(twins, { cwdMatters: true, cwd, repGroup: 'twins' });
    const lines = Array.from({ length: count }, (_, i) => `true ${i}\n`).join('');
    await harness.add(lines, { cwd, repGroup: 'row' });
    const select: Selector = { by: 'repGroup', repGroup: 'row', search: false };
    const before = { ...DEFAULT_JOB_OPTIONS, cwd };
    const after = { ...before, cwdMatters: true };
    const pairs = Array.from({ length: count }, (_, i) => `true ${i}`)
      .filter((_, i) => !isTwin(i))
      .map((cmd) => [jobKeyHex(cmd, before), jobKeyHex(cmd, after)] as const);
    const first = await mod(harness, { cwdMatters: true }, { select });
    assert.deepEqual(first.pairs, pairs);
    assert.deepEqual([first.changed, first.eligible], [pairs.length, count]);
    // Once more: nearly all keep their keys.
    const second = await mod(harness, { cwdMatters: true, priority: 7 }, { select });
    assert.deepEqual(
      second.pairs,
      pairs.map(([, key]) => [key, key]),
    );
    const restarted = await ManagerHarness.start(store.crash());
    restarted.check();
    const listed = (await list(restarted, 'row')).filter(({ CwdMatters }) => CwdMatters);
    assert.deepEqual(listed.map(({ Key }) => Key).sort(), pairs.map(([, key]) => key).sort());
  });

  it('leaves what such a command waits for as it is, too, also after a restart', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('{"cmd":"base","dep_grps":["g"]}\n{"cmd":"old base","dep_grps":["old"]}\n');
    const lines = 'x\t{"cwd":"/1"}\nx\t{"cwd":"/2","deps":["old"]}\nx\t{"cwd":"/3"}\n';
    await harness.add(lines, { cwdMatters: true, repGroup: 'same' });
    const select: Selector = { by: 'repGroup', repGroup: 'same', search: false };
    const { changed, eligible } = await mod(harness, { cwdMatters: false, deps: ['g'] }, { select });
    assert.deepEqual([changed, eligible], [1, 3]);
    const states = ({ manager }: ManagerHarness): string[] =>
      [3, 4, 5].map((number) => stateName(manager.queue.state(number)));
    assert.deepEqual(states(harness), ['dependent', 'dependent', 'ready']);
    const after = await ManagerHarness.start(store.crash());
    after.check();
    assert.deepEqual(states(after), ['dependent', 'dependent', 'ready']);
    // The second of them waits for what it waited for.
    const peer = await after.connectRunner(groupOf());
    const { jobs } = await after.reserve(peer, groupOf(), 2);
    const [, old] = jobs.map((job) => ended(job.attempt, 'complete', { startedMs: 1 }));
    assert.equal(Buffer.from(jobs[1]?.cmd ?? '').toString(), 'old base');
    after.send(peer, { type: 'report', id: 1, events: old === undefined ? [] : [old] });
    await settle();
    assert.deepEqual(states(after), ['dependent', 'ready', 'ready']);
  });

  it('keeps retries that were used up used up', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\n', { retries: 1 });
    const peer = await harness.connectRunner(groupOf());
    const { jobs } = await harness.reserve(peer, groupOf(), 1);
    harness.send(peer, {
      type: 'report',
      id: 1,
      events: [ended(jobs[0]?.attempt ?? 0, 'release', { startedMs: 1 })],
    });
    await settle();
    await mod(harness, { retries: 4 });
    const left = (of: ManagerHarness): number | undefined =>
      of.manager.queue.table.chunkOf(1)?.retriesLeft[1];
    assert.equal(left(harness), 3);
    assert.equal(left(await crash(store)), 3);
  });

  it('drops clean-ups where the directory matters, and one of the other requirements alone', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\n', { other: { cloud_shared: 'true', cloud_os: 'x' } });
    await mod(harness, { cwdMatters: true }, { dropOther: ['cloud_shared'] });
    const [job] = await list(harness);
    assert.deepEqual([job?.Behaviours, job?.OtherRequests], ['', ['cloud_os:x']]);
  });

  it('sets the limits that it names', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\nc\n');
    await mod(harness, { limitGroups: ['few:2'] });
    const group = groupOf({ limitGroups: ['few:2'] });
    const peer = await harness.connectRunner(group);
    assert.equal((await harness.reserve(peer, group, 3)).jobs.length, 2);
  });

  it('refuses what cannot be carried out, a command for several, and any change while draining', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\n');
    await assert.rejects(mod(harness, { withDocker: 'alpine' }), {
      code: 'NOT_SUPPORTED',
      message: /nothing was changed/,
    });
    await assert.rejects(mod(harness, {}, { cmd: 'c' }), {
      code: 'BAD_OPTION',
      message: /--cmdline changes one command, and 2/,
    });
    const peer = await harness.connectRunner(groupOf());
    await harness.reserve(peer, groupOf(), 1);
    harness.send(new TestPeer(), { type: 'steer', id: 1, to: 'drain' });
    await settle();
    await assert.rejects(mod(harness, { priority: 1 }), { code: 'DRAINING' });
  });

  it('replaces all dependencies, also by none, and keeps what waits for it waiting', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add(
      'p\nq\t{"dep_grps":["q"]}\nc\t{"deps":["never"]}\nlast\t{"cmd_deps":[{"cmd":"c","cwd":""}]}\n',
    );
    const states = async (of: ManagerHarness) =>
      Object.fromEntries((await list(of)).map((job) => [job.Cmd, [job.State, job.Dependencies]]));
    await mod(harness, { deps: ['q'], cmdDeps: [] }, { select: keysOf('c') });
    const expected = {
      p: ['ready', null],
      q: ['ready', null],
      c: ['dependent', ['q']],
      last: ['dependent', ['c']],
    };
    assert.deepEqual(await states(harness), expected);
    const second = await crash(store);
    assert.deepEqual(await states(second), expected);
    await mod(second, { deps: [], cmdDeps: [{ cmd: 'p', cwd: '' }] }, { select: keysOf('c') });
    const third = await crash(second.store as MemoryStore);
    assert.deepEqual((await states(third)).c, ['dependent', ['p']]);
    await mod(third, { deps: [], cmdDeps: [] }, { select: keysOf('c') });
    assert.deepEqual((await states(third)).c, ['ready', null]);
    assert.deepEqual((await states(await crash(third.store as MemoryStore))).c, ['ready', null]);
  });

  it('warns of dependency groups that nothing was ever added to, also after a restart', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('q\t{"dep_grps":["known"]}\nc\n');
    const deps = ['known', 'never', 'nor this'];
    const unseen = async (of: ManagerHarness): Promise<unknown[]> => {
      const { warnings } = await mod(of, { deps, cmdDeps: [] }, { select: keysOf('c') });
      return warnings.map((text) => /^dependency group "(.*)" has not been seen/.exec(text)?.[1]);
    };
    assert.deepEqual(await unseen(harness), ['never', 'nor this']);
    assert.deepEqual(await unseen(await crash(store)), ['never', 'nor this']);
  });

  it('refuses dependencies that would make commands wait for each other, and changes none', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('a\nb\t{"cmd_deps":[{"cmd":"a","cwd":""}]}\n');
    const cycle = mod(harness, { deps: [], cmdDeps: [{ cmd: 'b', cwd: '' }] }, { select: keysOf('a') });
    await assert.rejects(cycle, { code: 'DEPENDENCY_CYCLE', message: /"a".*"b"|"b".*"a"/ });
    harness.check();
    assert.deepEqual(
      (await list(harness)).map((job) => job.Dependencies),
      [null, ['a']],
    );
    const runner = await harness.connectRunner(groupOf());
    assert.equal((await harness.reserve(runner, groupOf(), 5)).jobs.length, 1);
  });

  it('hands nothing out while it is under way, and afterwards to those who waited', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\n');
    const runner = await harness.connectRunner(groupOf());
    const client = new TestPeer();
    store.holdFlushes();
    harness.send(client, {
      type: 'modify',
      id: 1,
      requestId: 'held',
      select: all,
      changes: { options: { priority: 5 }, cmd: null, dropOther: [] },
    });
    await settle();
    harness.send(runner, { type: 'reserve', id: 2, group: groupOf(), count: 1, waitMs: 60_000 });
    await settle();
    assert.deepEqual([runner.count('jobs'), client.count('changed')], [0, 0]);
    store.releaseFlushes();
    await settle(40);
    assert.deepEqual([runner.last('jobs').jobs.length, client.last('changed').changed], [1, 1]);
  });

  it('comes to the same after a crash, whatever was changed, added and removed before', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const changes: (() => Partial<JobOptions>)[] = [
      () => ({ priority: pick(random, 5) }),
      () => ({ memoryMb: 100 * (1 + pick(random, 5)), memorySet: true }),
      () => ({ cwd: `/d${pick(random, 3)}` }),
      () => ({ cwdMatters: random() < 0.5 }),
      () => ({ env: random() < 0.5 ? [] : [`A=${pick(random, 3)}`] }),
      () => ({ retries: pick(random, 4) }),
    ];
    for (let step = 0; step < 40; step += 1) {
      const repGroup = `g${pick(random, 3)}`;
      const select: Selector = { by: 'repGroup', repGroup, search: false };
      if (random() < 0.35) {
        const lines = Array.from({ length: 1 + pick(random, 8) }, (_, i) =>
          random() < 0.5 ? `echo ${step} ${i}\n` : `echo ${step} ${i}\t{"cwd":"/own","priority":${i}}\n`,
        );
        await harness.add(lines.join(''), { repGroup });
      } else if (random() < 0.1) {
        harness.send(new TestPeer(), { type: 'suspend', id: 1, requestId: `s ${step}`, select });
        await settle();
      } else
        await mod(harness, (changes[pick(random, changes.length)] as () => Partial<JobOptions>)(), {
          select,
        });
    }
    assert.deepEqual(await list(await crash(store)), await list(harness), `seed ${seed}`);
  });
});

function keysOf(cmd: string): Selector {
  return { by: 'keys', keys: Buffer.from(jobKeyHex(cmd, DEFAULT_JOB_OPTIONS), 'hex') };
}
