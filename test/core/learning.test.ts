import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergeValues, recommend, recommendAll, SET_VALUES_MAX } from '../../core/learning.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe('recommend', () => {
  it('takes the sixth largest of up to 100 values, rounded up to the unit', () => {
    const values = [...range(100, 26), 3_400, 3_500, 3_600, 3_700, 3_800, 3_900];
    assert.equal(values.length, 32);
    assert.equal(recommend(values, 100), 3_400);
    assert.equal(recommend([...range(1, 94), 1_001, 2_000, 2_001, 2_002, 2_003, 2_004], 100), 1_100);
  });

  it('leaves a twentieth above it once there are more than 100', () => {
    assert.equal(recommend(range(1, 101), 1), 96);
    assert.equal(recommend(range(1, 200), 1), 190);
    assert.equal(recommend(range(1, 1_000), 1), 950);
  });

  it('takes the largest while there are too few to leave any out', () => {
    assert.equal(recommend([120], 100), 200);
    assert.equal(recommend([1, 2, 3, 4, 950], 100), 1_000);
  });

  it('takes the largest when it lies within one unit of the chosen one', () => {
    assert.equal(recommend([10, 20, 30, 40, 50, 60, 99], 100), 100);
    assert.equal(recommend([110, 120, 130, 140, 150, 160, 205], 100), 300);
    assert.equal(recommend([100, 120, 130, 140, 150, 160, 200], 100), 200);
  });

  it('is one unit at least, and nothing without values', () => {
    assert.equal(recommend([0], 100), 100);
    assert.equal(recommend([], 100), 0);
  });

  it('gives memory in hundreds of MB, disk in whole GB and time in seconds', () => {
    assert.deepEqual(recommendAll({ memory: [101], disk: [1_025], time: [7] }), {
      memoryMb: 200,
      diskGb: 2,
      timeMs: 7_000,
    });
    assert.deepEqual(recommendAll({ memory: [], disk: [0], time: [] }), {
      memoryMb: 0,
      diskGb: 1,
      timeMs: 0,
    });
  });
});

describe('a set of values', () => {
  it('holds each value once, in order', () => {
    assert.deepEqual([...mergeValues(Uint32Array.of(3, 7), [7, 5, 3, 1, 5])], [1, 3, 5, 7]);
  });

  it('recommends what all values would while they fit, and never less once they do not', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const all = new Set<number>();
    let set = new Uint32Array(0);
    for (let round = 0; round < 60; round += 1) {
      const fresh = range(0, 200).map(() => pick(random, 40_000));
      for (const value of fresh) all.add(value);
      set = Uint32Array.from(mergeValues(set, fresh));
      const sorted = [...all].sort((a, b) => a - b);
      const exact = recommend(sorted, 1);
      if (all.size <= SET_VALUES_MAX) assert.equal(recommend(set, 1), exact, `seed ${seed}`);
      else assert.ok(recommend(set, 1) >= exact, `seed ${seed}, round ${round}`);
    }
    assert.equal(set.length, SET_VALUES_MAX, `seed ${seed}`);
  });
});
