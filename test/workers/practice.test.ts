import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { practice } from '../../workers/practice.ts';

describe('practice', () => {
  it('goes in steps that are short, so that a task need not wait, and comes to an end', () => {
    let steps = 0;
    let longestMs = 0;
    let fromMs = performance.now();
    for (const _ of practice()) {
      longestMs = Math.max(longestMs, performance.now() - fromMs);
      steps += 1;
      fromMs = performance.now();
    }
    assert.ok(steps > 10, `${steps} steps`);
    assert.ok(longestMs < 250, `${longestMs} ms, the first of them with cold code`);
  });
});
