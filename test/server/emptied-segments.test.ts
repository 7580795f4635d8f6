import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeyValueReader, TableName } from '../../store/key-value.ts';
import { liveWrite, readDirectoryEntries } from '../../store/layout.ts';
import { sweep } from '../../store/leftovers.ts';
import { MemoryStore } from '../../store/memory.ts';
import { ManagerHarness, settle, TestPeer } from './manager-harness.ts';
import { listJobs, runJobs } from './manager-steps.ts';

async function remove(harness: ManagerHarness, repGroup: string): Promise<number> {
  const peer = new TestPeer();
  harness.send(peer, {
    type: 'remove',
    id: harness.nextId(),
    requestId: `remove ${repGroup}`,
    select: { by: 'repGroup', repGroup, search: false },
    buriedOnly: false,
  });
  await settle();
  await harness.manager.persist.flushed();
  await settle();
  harness.check();
  return peer.last('changed').changed;
}

function sizes(store: KeyValueReader, ...tables: TableName[]): number[] {
  return tables.map((table) => store.count(table));
}

function holds(store: KeyValueReader, table: TableName, text: string): boolean {
  for (const { value } of store.range(table)) if (Buffer.from(value).includes(text)) return true;
  return false;
}

describe('a segment whose jobs were all removed', () => {
  it('leaves the database, with all that stands of it, while others stay', async () => {
    const harness = await ManagerHarness.start();
    await harness.add('kept\n', { repGroup: 'kept' });
    await harness.add('secret one\nsecret two\n', { repGroup: 'gone', depGroups: ['d'] });
    assert.deepEqual(sizes(harness.store, 'segments', 'directory', 'links'), [2, 2, 1]);
    assert.equal(await remove(harness, 'gone'), 2);
    assert.deepEqual(sizes(harness.store, 'segments', 'directory', 'live', 'links'), [1, 1, 1, 0]);
    assert.ok(!holds(harness.store, 'segments', 'secret'));
    assert.deepEqual(
      (await listJobs(harness)).map(({ Cmd }) => Cmd),
      ['kept'],
    );
    assert.equal((await harness.add('secret one\n', { repGroup: 'gone' })).added, 1);
  });

  it('is one of thousands, which go a few with each commit', async () => {
    const harness = await ManagerHarness.start();
    for (let i = 0; i < 100; i += 1) await harness.add(`c${i}\n`, { repGroup: 'gone' });
    const { batches } = harness.manager.persist;
    assert.equal(await remove(harness, 'gone'), 100);
    for (let i = 0; i < 10; i += 1) await settle();
    assert.deepEqual(sizes(harness.store, 'segments', 'directory'), [0, 0]);
    assert.ok(harness.manager.persist.batches - batches >= 4);
  });

  it('leaves nothing of the attempts that its jobs had', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('tried\nnever\n', { repGroup: 'gone' });
    await harness.add('other\n', { repGroup: 'kept' });
    assert.deepEqual(await runJobs(harness, 1, 'bury', { exitCode: 1 }), ['tried']);
    assert.equal(store.count('records'), 1);
    assert.equal(await remove(harness, 'gone'), 2);
    assert.equal(store.count('records'), 0);
    const after = await ManagerHarness.start(store.crash());
    assert.deepEqual(
      (await listJobs(after)).map(({ Cmd, State }) => [Cmd, State]),
      [['other', 'ready']],
    );
    after.check();
  });

  it('stays when some completed, whose texts are history', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('a\nb\nc\n', { repGroup: 'g' });
    assert.deepEqual(await runJobs(harness, 1, 'complete'), ['a']);
    assert.equal(await remove(harness, 'g'), 2);
    const after = await ManagerHarness.start(store.crash());
    const select = { by: 'repGroup', repGroup: 'g', search: false } as const;
    assert.deepEqual(
      (await listJobs(after, { select })).map(({ Cmd, State }) => [Cmd, State]),
      [['a', 'complete']],
    );
  });
});

describe('what a compaction takes out', () => {
  it('is segments that a crash left, templates and environments of no job, and nothing of others', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    await harness.add('done\nwaits\n', { repGroup: 'kept', reqGroup: 'template one' });
    assert.deepEqual(await runJobs(harness, 1, 'complete'), ['done']);
    await harness.add('secret\n', { repGroup: 'gone', reqGroup: 'template two' });
    const left = store.crash();
    // As after a crash between the commit that tells of the removal and the next.
    const { first } = [...readDirectoryEntries(left)].at(-1) ?? { first: 0 };
    await left.commit([liveWrite(first, null)]);
    await sweep(left);
    assert.ok(!holds(left, 'segments', 'secret') && !holds(left, 'templates', 'template two'));
    assert.deepEqual(sizes(left, 'segments', 'directory', 'templates', 'groupSegments'), [1, 1, 1, 1]);
    const after = await ManagerHarness.start(left.crash());
    const select = { by: 'repGroup', repGroup: 'kept', search: false } as const;
    const jobs = (await listJobs(after, { select })).map(({ Cmd, State }) => `${Cmd} ${State}`);
    assert.deepEqual(jobs.sort(), ['done complete', 'waits ready']);
    assert.equal((await after.add('new\n', { reqGroup: 'template three' })).added, 1);
    assert.deepEqual(sizes(after.store, 'segments', 'templates'), [2, 2]);
  });
});
