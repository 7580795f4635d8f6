import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryDelayMs } from '../../core/retry.ts';

describe('back-off', () => {
  it('doubles from 30 s to an hour, with up to 30 s on top', () => {
    const seconds = (random: number) =>
      [0, 1, 2, 6, 7, 200].map((attempt) => retryDelayMs(attempt, () => random) / 1000);
    assert.deepEqual(seconds(0), [60, 90, 150, 1950, 3630, 3630]);
    assert.deepEqual(seconds(0.5), [45, 75, 135, 1935, 3615, 3615]);
    const least = retryDelayMs(0, () => 1 - Number.EPSILON);
    assert.ok(least > 30_000 && least < 30_010);
  });
});
