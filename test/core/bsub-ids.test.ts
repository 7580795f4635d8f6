import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BsubIds } from '../../core/bsub-ids.ts';
import { chooseSeed, seeded } from '../random.ts';

describe('LSF job ids', () => {
  it('count from 1, whatever the job numbers are', () => {
    const ids = new BsubIds();
    assert.equal(ids.assign(70, 3).id, 1);
    assert.equal(ids.assign(500, 1).id, 4);
    assert.deepEqual(
      [69, 70, 72, 73, 500, 501].map((number) => ids.idOf(number)),
      [0, 1, 3, 0, 4, 0],
    );
    assert.deepEqual(
      [0, 1, 3, 4, 5].map((id) => ids.numbersOf(id)),
      [[], [70], [72], [500], []],
    );
  });

  it('are found by either number when two adds at once got them in another order', () => {
    const ids = new BsubIds();
    ids.assign(1, 2);
    ids.assign(50, 10);
    ids.assign(20, 5);
    assert.deepEqual(
      [2, 20, 24, 25, 50, 59].map((number) => ids.idOf(number)),
      [2, 13, 17, 0, 3, 12],
    );
    assert.deepEqual(
      [2, 3, 12, 13, 17, 18].map((id) => ids.numbersOf(id)),
      [[2], [50], [59], [20], [24], []],
    );
    const again = new BsubIds();
    again.restore(ids.runs, ids.next);
    assert.deepEqual([again.idOf(24), again.numbersOf(17), again.numbersOf(3)], [17, [24], [50]]);
  });

  it('are not given again after an add failed', () => {
    const ids = new BsubIds();
    const run = ids.assign(1, 5);
    ids.takeBack(run);
    assert.deepEqual(ids.numbersOf(1), []);
    assert.equal(ids.assign(1, 1).id, 6);
  });

  it('go on where they were after a restart', () => {
    const ids = new BsubIds();
    ids.restore([{ first: 10, count: 2, id: 4, isArray: false }], 9);
    assert.deepEqual(ids.numbersOf(5), [11]);
    assert.equal(ids.assign(20, 1).id, 9);
  });

  it('are forgotten once many jobs are over, but not those of an add that is still being written', () => {
    const ids = new BsubIds();
    const runs = Array.from({ length: 70 }, (_, i) => ids.assign(10 * i + 1, 2));
    for (const run of runs.slice(0, -1)) ids.confirm(run);
    const gone = ids.prune((number) => number === 12);
    assert.equal(gone.length, 68);
    assert.deepEqual(ids.runs, [runs[1], runs.at(-1)]);
    assert.equal(ids.idOf(12), 4);
    assert.deepEqual(
      ids.prune(() => false),
      [],
      'few are not worth a look',
    );
  });

  it('are one for all commands of an array, also when it comes in parts and others come between', () => {
    const ids = new BsubIds();
    const { id } = ids.assignArray(10, 3);
    assert.equal(ids.assign(50, 2).id, 2);
    assert.equal(ids.assignArray(20, 2, id).id, 1);
    assert.equal(ids.assignArray(60, 1).id, 4);
    const check = (known: BsubIds): void => {
      assert.deepEqual(
        [10, 12, 13, 20, 21, 50, 51, 60].map((number) => known.idOf(number)),
        [1, 1, 0, 1, 1, 2, 3, 4],
      );
      assert.deepEqual([...known.numbersOf(1)].sort(), [10, 11, 12, 20, 21]);
      assert.deepEqual(
        [2, 3, 4, 5].map((each) => known.numbersOf(each)),
        [[50], [51], [60], []],
      );
    };
    check(ids);
    const again = new BsubIds();
    again.restore(ids.runs, ids.next);
    check(again);
    assert.equal(again.next, 5);
  });

  it('lead there and back for any runs', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const ids = new BsubIds();
    const expected = new Map<number, number>();
    let number = 1;
    for (let i = 0; i < 300; i += 1) {
      number += Math.floor(random() * 3);
      const count = 1 + Math.floor(random() * 4);
      const { next } = ids;
      const isArray = random() < 0.3;
      const run = isArray ? ids.assignArray(number, count) : ids.assign(number, count);
      assert.equal(run.id, next);
      const failed = random() < 0.2;
      if (failed) ids.takeBack(run);
      for (let k = 0; k < count && !failed; k += 1) expected.set(number + k, isArray ? next : next + k);
      if (!failed) number += count;
    }
    for (let n = 0; n <= number; n += 1) assert.equal(ids.idOf(n), expected.get(n) ?? 0, `seed ${seed}`);
    for (const [n, is] of expected) {
      const same = [...expected].filter(([, id]) => id === is).map(([other]) => other);
      assert.deepEqual(ids.numbersOf(is), same, `seed ${seed}: ${n}`);
    }
  });
});
