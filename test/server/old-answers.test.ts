import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Range, TableName } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';
import { requestWrites } from '../../store/request-tables.ts';
import { ManagerHarness, TestClock } from './manager-harness.ts';

const NOW_MS = new TestClock().nowMs();
const HOUR_MS = 3_600_000;
const NOTHING = { added: 7, queued: 0, complete: 0, usedDefaultRepGroup: false, warnings: [], bsubId: 0 };

/** Tells which tables are gone through. */
class WatchedStore extends MemoryStore {
  readonly walked = new Set<TableName>();

  override range(
    table: TableName,
    range: Range = {},
  ): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    this.walked.add(table);
    return super.range(table, range);
  }
}

/** A store with answers to adds: `old <i>` of two days ago, `new <i>` of an hour ago. */
async function storeWith(old: number, recent: number): Promise<WatchedStore> {
  const store = new WatchedStore();
  const write = (name: string, count: number, hours: number): Promise<void>[] =>
    Array.from({ length: count }, (_, i) =>
      store.commit(requestWrites(`${name} ${i}`, { ...NOTHING, atMs: NOW_MS - hours * HOUR_MS + i })),
    );
  await Promise.all([...write('old', old, 48), ...write('new', recent, 1)]);
  return store;
}

describe('answers to adds', () => {
  it('are not gone through by a start, and forgotten afterwards when they are old, a few at a time', async () => {
    const store = await storeWith(1_500, 1_200);
    const harness = await ManagerHarness.start(store);
    assert.deepEqual([store.walked.has('requests'), store.walked.has('answered')], [false, false]);
    assert.equal(store.count('requests'), 2_700);
    await harness.clock.advance(1_000);
    const after = store.count('requests');
    assert.ok(after < 2_700 && after > 2_000, `${after} are left after a second`);
    await harness.clock.advance(60_000);
    assert.deepEqual([store.count('requests'), store.count('answered')], [1_200, 1_200]);
    assert.ok(!store.walked.has('requests'));
    // Those that are left are given again; one that was forgotten is a new request.
    assert.equal((await harness.add('a\n', {}, { requestId: 'new 0' })).added, 7);
    assert.equal((await harness.add('a\n', {}, { requestId: 'old 0' })).added, 1);
  });

  it('are remembered, the last thousand, however far the clock is set', async () => {
    const store = await storeWith(1_100, 0);
    const harness = await ManagerHarness.start(store);
    await harness.clock.advance(10_000);
    assert.deepEqual([store.count('requests'), store.count('answered')], [1_000, 1_000]);
    assert.equal((await harness.add('a\n', {}, { requestId: 'old 100' })).added, 7);
    assert.equal((await harness.add('b\n', {}, { requestId: 'old 99' })).added, 1);
  });

  it('are given again after a crash, also by an id that is long', async () => {
    const store = new MemoryStore();
    const harness = await ManagerHarness.start(store);
    const requestId = 'é'.repeat(200);
    const first = await harness.add('a\nb\n', {}, { requestId });
    const after = await ManagerHarness.start(store.crash());
    assert.deepEqual({ ...(await after.add('a\nb\n', {}, { requestId })), id: 0 }, { ...first, id: 0 });
  });
});
