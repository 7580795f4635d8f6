import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AddedReply } from '../../core/client-replies.ts';
import type { AddBegin } from '../../core/client-requests.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { CHUNK_ROWS } from '../../core/job-table.ts';
import type { Runners } from '../../server/tasks.ts';
import { MemoryStore } from '../../store/memory.ts';
import { queryInline } from '../../workers/query.ts';
import { chooseSeed, pick, seeded } from '../random.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { GROUP, listJobs, runJobs } from './manager-steps.ts';

/** An add whose end is sent when it is asked for. */
class OpenAdd {
  readonly peer = new TestPeer();
  readonly #harness: ManagerHarness;
  readonly requestId: string;
  #frames = 0;

  constructor(
    harness: ManagerHarness,
    requestId: string,
    frames: readonly string[],
    more: Partial<Pick<AddBegin, 'dryRun' | 'rerun'>> = {},
  ) {
    this.#harness = harness;
    this.requestId = requestId;
    const defaults = { ...DEFAULT_JOB_OPTIONS, retries: 0 };
    const id = harness.nextId();
    const begin = {
      type: 'addBegin',
      id,
      requestId,
      defaults,
      rerun: false,
      head: 0,
      wantKeys: false,
    } as const;
    harness.send(this.peer, { ...begin, ...more });
    for (const text of frames) {
      const bytes = Buffer.from(text);
      harness.send(this.peer, { type: 'addFrame', requestId, seq: this.#frames, bytes });
      this.#frames += 1;
    }
  }

  end(): void {
    const { requestId } = this;
    this.#harness.send(this.peer, {
      type: 'addEnd',
      id: this.#harness.nextId(),
      requestId,
      frames: this.#frames,
    });
  }

  get added(): AddedReply | undefined {
    return this.peer.count('added') === 0 ? undefined : this.peer.last('added');
  }

  get refused(): string | undefined {
    const refusal = this.peer.received.find(({ type }) => type === 'error' || type === 'addRefused');
    return refusal !== undefined && 'code' in refusal ? refusal.code : undefined;
  }
}

/** Commands of everything that can be handed out, each as often as it is. */
async function handedOut(harness: ManagerHarness): Promise<string[]> {
  const peer = await harness.connectRunner(GROUP);
  const { jobs } = await harness.reserve(peer, GROUP, 256);
  return jobs.map(({ cmd }) => Buffer.from(cmd).toString()).sort();
}

/** A group `g` whose member has completed, and `after`, which waited for it, too. */
async function withDependant(): Promise<{ readonly store: MemoryStore; readonly harness: ManagerHarness }> {
  const store = new MemoryStore();
  const harness = await ManagerHarness.start(store);
  await harness.add('{"cmd":"member","dep_grps":["g"]}\n{"cmd":"after","deps":["g"]}\n');
  await runJobs(harness, 1, 'complete');
  await runJobs(harness, 1, 'complete');
  return { store, harness };
}

const CYCLE = '{"cmd":"a","dep_grps":["g1"],"deps":["g2"]}\n{"cmd":"b","dep_grps":["g2"],"deps":["g1"]}';

describe('adds at the same time', () => {
  it('gives a command that another add was refused with to the add that has it too, also after a restart', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const refused = new OpenAdd(harness, 'A', [`{"cmd":"shared"}\n${CYCLE}`]);
    const wanted = new OpenAdd(harness, 'B', ['own 1\nown 2\n', 'own 3\nshared\n']);
    await settle();
    refused.end();
    wanted.end();
    await settle(40);
    harness.check();
    assert.equal(refused.refused, 'DEPENDENCY_CYCLE');
    assert.deepEqual([wanted.added?.added, wanted.added?.queued], [4, 0]);
    const all = ['own 1', 'own 2', 'own 3', 'shared'];
    const after = await ManagerHarness.start(store.crash());
    assert.deepEqual(await handedOut(after), all);
    const again = new OpenAdd(after, 'B', ['own 1\nown 2\n', 'own 3\nshared\n']);
    again.end();
    await settle();
    assert.equal(again.added?.added, 4, 'the same request has the same answer');
  });

  it('waits for an add that has its command and not been written, and takes the command over when the disk was full', async () => {
    for (const isFull of [false, true]) {
      const store = new MemoryStore();
      const harness = await ManagerHarness.start(store);
      store.holdFlushes();
      const first = new OpenAdd(harness, 'first', ['x\n']);
      first.end();
      await settle();
      const second = new OpenAdd(harness, 'second', ['y\nx\n']);
      second.end();
      await settle();
      assert.equal(second.peer.count('added'), 0);
      if (isFull) store.failNext('before');
      store.releaseFlushes();
      await settle();
      harness.check();
      assert.equal(first.refused, isFull ? 'STORE_FULL' : undefined);
      assert.deepEqual([second.added?.added, second.added?.queued], isFull ? [2, 0] : [1, 1]);
      assert.deepEqual(await handedOut(harness), ['x', 'y']);
    }
  });

  it('lets two adds that have commands of each other both come to an end', async () => {
    const harness = await ManagerHarness.start();
    const one = new OpenAdd(harness, 'one', ['x\n', 'y\n', 'only one\n']);
    const other = new OpenAdd(harness, 'other', ['y\n', 'x\n', 'only other\n']);
    await settle();
    one.end();
    other.end();
    await settle(40);
    harness.check();
    const sums = [one.added, other.added].map((reply) => (reply?.added ?? 0) + (reply?.queued ?? 0));
    assert.deepEqual(sums, [3, 3]);
    assert.equal((one.added?.added ?? 0) + (other.added?.added ?? 0), 4);
    assert.deepEqual(await handedOut(harness), ['only one', 'only other', 'x', 'y']);
  });

  it('acknowledges of many adds with the same commands, on a disk that is full at times, only what is there and stays', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    for (let round = 0; round < 40; round += 1) {
      const store = new MemoryStore();
      const harness = await ManagerHarness.start(store);
      const adds = Array.from({ length: 6 }, (_, i) => {
        const frames = Array.from({ length: 1 + pick(random, 4) }, () =>
          Array.from({ length: 1 + pick(random, 4) }, () => `{"cmd":"c${pick(random, 8)}"}\n`).join(''),
        );
        if (pick(random, 4) === 0) frames.push(CYCLE);
        return { frames, add: new OpenAdd(harness, `${round} ${i}`, frames) };
      });
      await settle();
      for (const { add } of adds) {
        if (pick(random, 3) === 0) store.holdFlushes();
        add.end();
        await settle(pick(random, 4));
        if (pick(random, 4) === 0) store.failNext('before');
        if (pick(random, 2) === 0) store.releaseFlushes();
      }
      store.releaseFlushes();
      await settle(60);
      harness.check();
      const promised = new Set<string>();
      for (const { frames, add } of adds) {
        assert.ok(
          add.added !== undefined || add.refused !== undefined,
          `seed ${seed}: an add is not answered`,
        );
        if (add.added === undefined) continue;
        for (const [, command] of frames.join('').matchAll(/"cmd":"(c\d)"/g)) promised.add(command as string);
      }
      const after = await ManagerHarness.start(store.crash());
      after.check();
      assert.equal(after.manager.queue.keys.size, harness.manager.queue.keys.size, `seed ${seed}`);
      const there = await handedOut(after);
      assert.deepEqual(new Set(there), promised, `seed ${seed}: not what was promised`);
      assert.equal(there.length, promised.size, `seed ${seed}: something is there twice`);
    }
  });

  it('runs a complete dependant again for a new member though another add that ran it again was refused', async () => {
    for (const isFull of [true, false]) {
      const { store, harness } = await withDependant();
      store.holdFlushes();
      const rerun = new OpenAdd(harness, 'rerun', ['{"cmd":"after","deps":["g"]}\n'], { rerun: true });
      rerun.end();
      await settle();
      const member = new OpenAdd(harness, 'member', ['{"cmd":"new member","dep_grps":["g"]}\n']);
      member.end();
      await settle();
      if (isFull) store.failNext('before');
      store.releaseFlushes();
      await settle(40);
      harness.check();
      assert.equal(rerun.refused, isFull ? 'STORE_FULL' : undefined);
      assert.equal(member.peer.last('added').added, isFull ? 2 : 1);
      if (isFull) {
        assert.deepEqual(await handedOut(harness), ['new member'], 'the other one waits for it');
        assert.equal((await listJobs(harness, { states: ['dependent'] })).length, 1);
      }
    }
  });

  it('calls a command complete that an add, which was refused, was to run again', async () => {
    const { store, harness } = await withDependant();
    store.holdFlushes();
    const member = new OpenAdd(harness, 'member', ['{"cmd":"new member","dep_grps":["g"]}\n']);
    member.end();
    await settle();
    const plain = new OpenAdd(harness, 'plain', ['{"cmd":"after","deps":["g"]}\n']);
    plain.end();
    await settle();
    store.failNext('before');
    store.releaseFlushes();
    await settle(40);
    harness.check();
    assert.equal(member.refused, 'STORE_FULL');
    assert.deepEqual([plain.peer.last('added').added, plain.peer.last('added').complete], [0, 1]);
  });

  it('drops nothing of an add that fails once it is on disk, and says that it is there', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    harness.manager.queue.activate = () => {
      throw new Error('made for a test');
    };
    const add = new OpenAdd(harness, 'add', ['a\n', 'b\n']);
    await settle();
    add.end();
    await settle();
    assert.match(add.peer.last('error').message, /^the commands are on disk.*made for a test$/);
    assert.deepEqual(await handedOut(await ManagerHarness.start(store.crash())), ['a', 'b']);
  });

  it('keeps nothing in memory that completes while the frames of an add, true or dry, are coming in', async () => {
    for (const dryRun of [undefined, { show: 1 }]) {
      const harness = await ManagerHarness.start();
      const open = new OpenAdd(harness, 'open', ['c 1\nnew\n'], dryRun && { dryRun });
      await settle();
      await harness.add('c 1\nc 2\nc 3\n');
      await runJobs(harness, 3, 'complete');
      await harness.clock.advance(5_000);
      assert.equal(harness.manager.queue.keys.size, 0);
      open.end();
      await settle();
      // What was tried was judged as it came in.
      const expected = dryRun === undefined ? [1, 1] : [2, 0];
      assert.deepEqual([open.peer.last('added').added, open.peer.last('added').complete], expected);
    }
  });

  it('keeps what completes while an add goes by what it has looked up', async () => {
    const store = new MemoryStore();
    let goOn: (() => void) | undefined;
    let held: Promise<void> | undefined;
    const query: Runners['query'] = async (task) => {
      const result = queryInline(task, store);
      if (task.kind === 'findKeys') await held;
      return result;
    };
    const harness = await ManagerHarness.start(store, { query });
    await harness.add('first\n');
    await runJobs(harness, 1, 'complete');
    await harness.clock.advance(5_000);
    await harness.add('c\n');
    held = new Promise((resolve) => (goOn = resolve));
    const looking = new OpenAdd(harness, 'looking', ['c\n']);
    looking.end();
    await settle();
    await runJobs(harness, 1, 'complete');
    await harness.clock.advance(5_000);
    assert.equal(store.count('keys'), 2);
    goOn?.();
    await settle();
    assert.deepEqual([looking.peer.last('added').added, looking.peer.last('added').complete], [0, 1]);
    assert.equal(harness.manager.queue.keys.size, 0);
  });

  it('keeps the claimed rows of a large add when the last older jobs beside them are removed', async () => {
    const store = new MemoryStore();
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const query: Runners['query'] = async (task) => {
      if (task.kind === 'seen') await held; // Asked once its commands are claimed.
      return queryInline(task, store);
    };
    const harness = await ManagerHarness.start(store, { query });
    await harness.add('old\n', { retries: 0 });
    assert.deepEqual(await runJobs(harness, 1, 'bury'), ['old']);
    const lines = Array.from({ length: CHUNK_ROWS + 10 }, (_, i) => `echo ${i}\n`).join('');
    const large = new OpenAdd(harness, 'large', [`{"cmd":"waits","deps":["nobody"]}\n${lines}`]);
    large.end();
    await settle(60);
    const peer = new TestPeer();
    const id = harness.nextId();
    harness.send(peer, { type: 'remove', id, requestId: 'r', select: { by: 'all' }, buriedOnly: true });
    await settle();
    assert.equal(peer.last('changed').changed, 1);
    assert.equal(large.peer.count('added'), 0);
    goOn();
    await settle(60);
    harness.check();
    assert.equal(large.added?.added, CHUNK_ROWS + 11);
    const again = await harness.add(lines);
    assert.deepEqual([again.added, again.queued], [0, CHUNK_ROWS + 10]);
  });
});
