import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { WrError } from '../../core/errors.ts';
import {
  type KeyValueStore,
  type Range,
  TABLES,
  type TableName,
  u32Key,
  type Write,
} from '../../store/key-value.ts';
import { openLmdb } from '../../store/lmdb.ts';
import { MemoryStore } from '../../store/memory.ts';

const directory = mkdtempSync(join(tmpdir(), 'wr-store-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;

const STORES: Readonly<Record<string, () => KeyValueStore>> = {
  memory: () => new MemoryStore(),
  lmdb: () => openLmdb(join(directory, `db${files++}`)),
};

const put = (table: TableName, key: Uint8Array, value: Uint8Array): Write => ({ table, key, value });
const remove = (table: TableName, key: Uint8Array): Write => ({ table, key, value: null });
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const hex = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString('hex');

function keys(store: KeyValueStore, table: TableName, range?: Range): (string | undefined)[] {
  return [...store.range(table, range)].map(({ key }) => hex(key));
}

for (const [name, make] of Object.entries(STORES)) {
  describe(`${name} store`, () => {
    const using = (test: (store: KeyValueStore) => Promise<void>) => async () => {
      const store = make();
      try {
        await test(store);
      } finally {
        await store.close();
      }
    };

    it(
      'gives back what was committed, from the table it went to',
      using(async (store) => {
        await store.commit([put('records', u32Key(7), bytes(1, 2, 3)), put('done', u32Key(7), bytes(4))]);
        assert.equal(hex(store.get('records', u32Key(7))), '010203');
        assert.equal(hex(store.get('done', u32Key(7))), '04');
        assert.equal(store.get('live', u32Key(7)), undefined);
        assert.equal(store.get('records', u32Key(8)), undefined);
      }),
    );

    it(
      'takes every table, empty values, and removing what is not there',
      using(async (store) => {
        for (const table of TABLES)
          await store.commit([put(table, bytes(200, 1), bytes()), remove(table, bytes(9, 9))]);
        for (const table of TABLES) assert.equal(hex(store.get(table, bytes(200, 1))), '');
      }),
    );

    it(
      'applies the writes of a batch in order',
      using(async (store) => {
        const key = u32Key(1);
        await store.commit([
          put('records', key, bytes(1)),
          remove('records', key),
          put('records', key, bytes(2)),
        ]);
        assert.equal(hex(store.get('records', key)), '02');
        await store.commit([put('records', key, bytes(3)), remove('records', key)]);
        assert.equal(store.get('records', key), undefined);
      }),
    );

    it(
      'commits in the order of the calls',
      using(async (store) => {
        const order: number[] = [];
        const commits: Promise<unknown>[] = [];
        for (let call = 0; call < 50; call += 1) {
          commits.push(store.commit([put('meta', bytes(77), bytes(call))]).then(() => order.push(call)));
        }
        await Promise.all(commits);
        assert.deepEqual(
          order,
          Array.from({ length: 50 }, (_, call) => call),
        );
        assert.equal(hex(store.get('meta', bytes(77))), '31');
      }),
    );

    it(
      'resolves an empty batch after those before it',
      using(async (store) => {
        const first = store.commit([put('records', u32Key(1), bytes(1))]);
        await store.commit([]);
        assert.equal(hex(store.get('records', u32Key(1))), '01');
        await first;
      }),
    );

    it(
      'counts entries',
      using(async (store) => {
        assert.equal(store.count('records'), 0);
        await store.commit([1, 2, 3].map((number) => put('records', u32Key(number), bytes(1))));
        await store.commit([remove('records', u32Key(2))]);
        assert.equal(store.count('records'), 2);
      }),
    );

    it(
      'lists keys bytewise, between bounds, either way',
      using(async (store) => {
        const all = [
          bytes(0),
          bytes(0, 0),
          bytes(0, 1),
          bytes(1),
          bytes(127, 255),
          bytes(128),
          bytes(255),
          bytes(255, 0),
        ];
        await store.commit(all.toReversed().map((key) => put('keys', key, bytes(1))));
        const texts = all.map(hex);
        assert.deepEqual(keys(store, 'keys'), texts);
        assert.deepEqual(keys(store, 'keys', { reverse: true }), texts.toReversed());
        assert.deepEqual(keys(store, 'keys', { from: bytes(0, 1) }), texts.slice(2));
        assert.deepEqual(keys(store, 'keys', { from: bytes(0, 0, 5), to: bytes(128) }), texts.slice(2, 5));
        assert.deepEqual(keys(store, 'keys', { to: bytes(1) }), texts.slice(0, 3));
        assert.deepEqual(keys(store, 'keys', { from: bytes(128), reverse: true, limit: 2 }), ['80', '7fff']);
        assert.deepEqual(keys(store, 'keys', { from: bytes(128), to: bytes(0, 1), reverse: true }), [
          '80',
          '7fff',
          '01',
        ]);
        assert.deepEqual(keys(store, 'keys', { from: bytes(200), reverse: true, limit: 1 }), ['80']);
        assert.deepEqual(keys(store, 'keys', { from: bytes(200), to: bytes(100) }), []);
        assert.deepEqual(keys(store, 'keys', { limit: 0 }), []);
      }),
    );

    it(
      'keeps to the snapshot that a listing began with',
      using(async (store) => {
        await store.commit([1, 2, 3, 4].map((number) => put('records', u32Key(number), bytes(number))));
        const seen: string[] = [];
        for (const { key, value } of store.range('records')) {
          if (seen.length === 1) {
            await store.commit([put('records', u32Key(3), bytes(99)), remove('records', u32Key(4))]);
            store.refresh();
          }
          seen.push(`${hex(key)}=${hex(value)}`);
        }
        assert.deepEqual(seen, ['00000001=01', '00000002=02', '00000003=03', '00000004=04']);
        assert.equal(hex(store.get('records', u32Key(3))), '63');
      }),
    );

    it(
      'hands out bytes that stay as they are',
      using(async (store) => {
        const big = new Uint8Array(300_000).fill(5);
        await store.commit([put('records', u32Key(1), bytes(1, 1)), put('records', u32Key(2), big)]);
        const small = store.get('records', u32Key(1)) as Uint8Array;
        const large = store.get('records', u32Key(2)) as Uint8Array;
        const listed = [...store.range('records')];
        assert.equal(large.length, 300_000);
        await store.commit([
          put('records', u32Key(1), bytes(2, 2)),
          put('records', u32Key(2), new Uint8Array(300_000)),
        ]);
        store.get('records', u32Key(1));
        store.get('records', u32Key(2));
        assert.equal(hex(small), '0101');
        assert.ok(large.every((byte) => byte === 5));
        assert.equal(hex(listed[0]?.value), '0101');
        assert.ok(listed[1]?.value.every((byte) => byte === 5));
        small[0] = 9;
        large[0] = 9;
        assert.equal(hex(store.get('records', u32Key(1))), '0202');
      }),
    );

    it(
      'reads inside views of larger buffers',
      using(async (store) => {
        const block = Uint8Array.from([9, 9, 0, 0, 0, 5, 1, 2, 3, 9]);
        await store.commit([put('records', block.subarray(2, 6), block.subarray(6, 9))]);
        assert.equal(hex(store.get('records', u32Key(5))), '010203');
      }),
    );

    it(
      'refuses a key that cannot be stored before it writes anything',
      using(async (store) => {
        for (const key of [bytes(), new Uint8Array(1_025)]) {
          const writes = [put('records', u32Key(1), bytes(1)), put('records', key, bytes(1))];
          await assert.rejects(store.commit(writes), (error: WrError) => error.code === 'INTERNAL');
        }
        await store.commit([put('done', new Uint8Array(1_024).fill(1), bytes(1))]);
        assert.equal(store.get('records', u32Key(1)), undefined);
      }),
    );

    it(
      'holds a random history like a plain map does',
      using(async (store) => {
        const seed = Math.floor(Math.random() * 2 ** 31);
        const random = randomOf(seed);
        const expected = new Map<number, number>();
        for (let round = 0; round < 60; round += 1) {
          const writes: Write[] = [];
          for (let count = Math.floor(random() * 40); count > 0; count -= 1) {
            const key = Math.floor(random() * 300);
            const length = Math.floor(random() * 3) * 3_000 + 1;
            if (random() < 0.3) {
              expected.delete(key);
              writes.push(remove('records', u32Key(key)));
            } else {
              expected.set(key, length);
              writes.push(put('records', u32Key(key), new Uint8Array(length)));
            }
          }
          await store.commit(writes);
          const found = [...store.range('records')].map(({ key, value }) => [hex(key), value.length]);
          const wanted = [...expected]
            .sort((a, b) => a[0] - b[0])
            .map(([key, length]) => [hex(u32Key(key)), length]);
          assert.deepEqual(found, wanted, `seed ${seed}, round ${round}`);
        }
      }),
    );

    it('refuses to commit once closed', async () => {
      const store = make();
      await store.commit([put('records', u32Key(1), bytes(1))]);
      const last = store.commit([put('records', u32Key(2), bytes(1))]);
      await store.close();
      await last;
      await assert.rejects(store.commit([]), (error: WrError) => error.code === 'STORE_FAILED');
    });
  });
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
