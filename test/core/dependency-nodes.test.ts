import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DependencyNodes } from '../../core/dependency-nodes.ts';
import { chooseSeed, seeded } from '../random.ts';

it('finds each group that it has, and none that it has not, however many were expected', (t) => {
  const seed = chooseSeed();
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  for (const expected of [0, 10, 20_000, 500_000]) {
    const nodes = new DependencyNodes();
    nodes.expect(expected);
    // Few values for the words by which slots are chosen: many groups want the same one.
    const hashes = Uint32Array.from({ length: 4 * 5_000 }, (_, i) =>
      Math.floor(random() * (i % 4 < 2 ? 97 : 2 ** 32)),
    );
    const hash = (i: number): [number, number, number, number] => [
      hashes[4 * i] as number,
      hashes[4 * i + 1] as number,
      hashes[4 * i + 2] as number,
      hashes[4 * i + 3] as number,
    ];
    const ids = new Map<number, number>();
    for (let step = 0; step < 20_000; step += 1) {
      const i = Math.floor(random() * 5_000);
      const id = ids.get(i);
      assert.equal(nodes.find(...hash(i)), id ?? 0, `seed ${seed}, ${expected} expected, step ${step}`);
      if (id === undefined) ids.set(i, nodes.addGroup(hashes, 4 * i));
      else if (random() < 0.5) {
        nodes.remove(id);
        ids.delete(i);
      }
    }
    assert.equal(nodes.size, ids.size);
    for (const [i, id] of ids)
      assert.deepEqual(nodes.hash(id), new Uint8Array(hashes.slice(4 * i, 4 * i + 4).buffer));
  }
});
