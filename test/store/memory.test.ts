import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { u32Key, type Write } from '../../store/key-value.ts';
import { MemoryStore } from '../../store/memory.ts';

const job = (number: number): Write => ({
  table: 'records',
  key: u32Key(number),
  value: Uint8Array.of(number),
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const held = (store: MemoryStore): number[] => [...store.range('records')].map(({ key }) => key[3] as number);

describe('memory store', () => {
  it('shows and acknowledges nothing while flushes are held', async () => {
    const store = new MemoryStore();
    store.holdFlushes();
    const told: number[] = [];
    const commits = [1, 2, 3].map((number) => store.commit([job(number)]).then(() => told.push(number)));
    await turn();
    assert.deepEqual([held(store), told, store.underWay], [[], [], 3]);
    store.flushNext();
    await turn();
    assert.deepEqual([held(store), told], [[1], [1]]);
    store.releaseFlushes();
    await Promise.all(commits);
    assert.deepEqual(
      [held(store), told],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    );
  });

  it('fails before or after the effect, once', async () => {
    const store = new MemoryStore();
    store.failNext('before', 'STORE_FULL');
    store.failNext('after', 'STORE_FAILED');
    await assert.rejects(store.commit([job(1)]), { code: 'STORE_FULL' });
    await assert.rejects(store.commit([job(2)]), { code: 'STORE_FAILED' });
    await store.commit([job(3)]);
    assert.deepEqual(held(store), [2, 3]);
  });

  it('keeps after a crash what was flushed and any prefix of what was under way', async () => {
    for (const kept of [0, 1, 2]) {
      const store = new MemoryStore();
      await store.commit([job(1)]);
      store.holdFlushes();
      let settled = false;
      for (const number of [2, 3])
        void store.commit([job(number)]).finally(() => {
          settled = true;
        });
      await turn();
      const survivor = store.crash(kept);
      assert.deepEqual(held(survivor), [1, 2, 3].slice(0, kept + 1));
      await survivor.commit([job(9)]);
      assert.equal(survivor.count('records'), kept + 2);
      await assert.rejects(store.commit([job(4)]), { code: 'STORE_FAILED' });
      assert.equal(settled, false);
    }
  });

  it('backs up what is flushed', async () => {
    const store = new MemoryStore();
    await store.commit([job(1)]);
    await store.backup('/somewhere');
    await store.commit([job(2)]);
    assert.deepEqual(held(store.backups.get('/somewhere') as MemoryStore), [1]);
  });
});
