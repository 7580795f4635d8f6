import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JobTable, rowOf } from '../../core/job-table.ts';
import { KeyIndex } from '../../core/key-index.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

type Key = readonly [number, number, number, number];

function makeIndex() {
  const table = new JobTable();
  const index = new KeyIndex(table);
  const claim = (key: Key): { number: number; other: number } => {
    const number = table.allocate(1);
    table.chunkFor(number).key.set(key, rowOf(number) * 4);
    const other = index.claim(number, ...key);
    if (other !== 0) table.giveBack(number, number + 1);
    return { number, other };
  };
  return { table, index, claim };
}

describe('KeyIndex', () => {
  it('tells keys apart that share all but their last word', () => {
    const { index, claim } = makeIndex();
    const a = claim([1, 2, 3, 4]);
    const b = claim([1, 2, 3, 5]);
    assert.equal(index.find(1, 2, 3, 4), a.number);
    assert.equal(index.find(1, 2, 3, 5), b.number);
    assert.equal(index.find(1, 2, 3, 6), 0);
  });

  it('gives a key to the first who claims it', () => {
    const { claim } = makeIndex();
    const first = claim([9, 9, 9, 9]);
    assert.equal(claim([9, 9, 9, 9]).other, first.number);
  });

  it('agrees with a Map through any claims and removals, collisions included', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const { table, index, claim } = makeIndex();
    const truth = new Map<string, number>();
    // Few distinct homes and tags, so that runs of slots grow long and wrap around.
    const makeKey = (): Key => [pick(random, 2), pick(random, 40), pick(random, 20), 0];
    for (let step = 0; step < 20_000; step += 1) {
      const key = makeKey();
      const name = key.join();
      if (random() < 0.55) {
        const { number, other } = claim(key);
        assert.equal(other, truth.get(name) ?? 0, `seed ${seed}, step ${step}`);
        if (other === 0) truth.set(name, number);
      } else {
        const number = truth.get(name);
        if (number !== undefined) index.remove(number);
        truth.delete(name);
      }
      assert.equal(index.find(...key), truth.get(name) ?? 0, `seed ${seed}, step ${step}`);
    }
    for (const [name, number] of truth)
      assert.equal(index.find(...(name.split(',').map(Number) as unknown as Key)), number);
    assert.equal(index.size, truth.size, `seed ${seed}`);
    assert.ok(table.end > 1);
  });
});
