import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ARRAY_JOBS_MAX,
  countIndexes,
  eachIndex,
  filterRanges,
  IndexFinder,
  type IndexRanges,
  parseArray,
  splitRanges,
} from '../../core/array-indexes.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

const indexes = (ranges: IndexRanges): number[] => [...eachIndex(ranges)];
const parsed = (text: string): number[] => indexes(parseArray(text, '--array'));

describe('indexes of an array', () => {
  it('are ranges, steps and lists, in the order given', () => {
    assert.deepEqual(parsed('1-5'), [1, 2, 3, 4, 5]);
    assert.deepEqual(parsed('1-10:4'), [1, 5, 9]);
    assert.deepEqual(parsed('0'), [0]);
    assert.deepEqual(parsed('1,5, 9-12'), [1, 5, 9, 10, 11, 12]);
    assert.deepEqual(parsed('7,3,3,2-3'), [7, 3, 3, 2, 3]);
  });

  it('cost as much for ten million as for ten', () => {
    const ranges = parseArray(`1-${ARRAY_JOBS_MAX}`, '--array');
    assert.equal(ranges.length, 3);
    assert.equal(countIndexes(ranges), ARRAY_JOBS_MAX);
  });

  const refusals: readonly (readonly [string, RegExp])[] = [
    ['', /--array value \(\).*at least one index.*1-1000, 1-100:2 or 1,5,9-12/],
    ['1-0', /--array value \(1-0\).*1-0 ends below where it begins, and so has no index/],
    ['x', /--array value \(x\).*1-1000, 1-100:2 or 1,5,9-12/],
    ['1,,2', /1-1000, 1-100:2 or 1,5,9-12/],
    ['-5', /1-1000/],
    ['1.5', /1-1000/],
    ['1-10:0', /the step of 1-10:0 must be at least 1/],
    ['1-10%2', /to run only so many at once use a limit group/],
    ['1-100000000', /--array value \(1-100000000\).*at most 10000000 commands/],
    ['1-6000000,1-6000000', /at most 10000000 commands/],
    ['9999999999', /an index is at most 2147483647/],
  ];
  for (const [text, message] of refusals) {
    it(`are refused: "${text}"`, () => {
      assert.throws(() => parseArray(text, '--array'), message);
    });
  }

  it('stay the same whatever is done with their ranges', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    for (let round = 0; round < 200; round += 1) {
      const elements = Array.from({ length: 1 + pick(random, 6) }, () => {
        const first = pick(random, 30);
        return random() < 0.4 ? `${first}` : `${first}-${first + pick(random, 20)}:${1 + pick(random, 4)}`;
      });
      const text = elements.join(',');
      const ranges = parseArray(text, 'array');
      const all = indexes(ranges);
      const why = `seed ${seed}, ${text}`;
      const naive = elements.flatMap((element) => {
        const [first = 0, last = first, step = 1] = element.split(/[-:]/).map(Number);
        return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step);
      });
      assert.deepEqual(all, naive, why);
      assert.equal(countIndexes(ranges), all.length, why);
      const max = 1 + pick(random, 9);
      const parts = [...splitRanges(ranges, max)];
      assert.deepEqual(parts.flatMap(indexes), all, why);
      assert.ok(
        parts.slice(0, -1).every((part) => countIndexes(part) === max),
        why,
      );
      const keep = Uint8Array.from(all, () => pick(random, 2));
      assert.deepEqual(
        indexes(filterRanges(ranges, keep)),
        all.filter((_, i) => keep[i] === 1),
        why,
      );
      const finder = new IndexFinder(ranges);
      assert.deepEqual(
        all.map((_, i) => finder.at(i)),
        all,
        why,
      );
    }
  });

  it('of every other job are one range again', () => {
    const keep = Uint8Array.from({ length: 1000 }, (_, i) => i % 2);
    assert.deepEqual([...filterRanges(parseArray('1-1000', 'array'), keep)], [2, 2, 500]);
  });
});
