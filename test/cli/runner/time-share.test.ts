import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TimeShare } from '../../../cli/runner/time-share.ts';

describe('a share of the time', () => {
  it('is kept to, however often more is asked for', () => {
    const share = new TimeShare(0.01, 30, 0);
    let spentMs = 0;
    for (let nowMs = 0; nowMs <= 100_000; nowMs += 10) {
      if (!share.allows(4, nowMs)) continue;
      share.spend(5);
      spentMs += 5;
    }
    // A hundredth of 100 s, and what was saved at first; the last one may take longer than was thought.
    assert.ok(spentMs > 1_000 && spentMs <= 1_000 + 30 + 5, `${spentMs} ms`);
  });

  it('is not saved up for more than so much', () => {
    const share = new TimeShare(0.01, 30, 0);
    assert.ok(share.allows(30, 3_600_000));
    assert.ok(!share.allows(31, 3_600_000));
  });
});
