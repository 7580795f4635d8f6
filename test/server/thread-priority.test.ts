import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { describe, it } from 'node:test';
import { HELPER_NICENESS, lowerHelperThreads } from '../../server/thread-priority.ts';

describe('priorities of threads', { skip: process.platform !== 'linux' && 'only Linux has them' }, () => {
  it('put every thread but the main one behind it', () => {
    const before = getPriority();
    lowerHelperThreads();
    const helpers = readdirSync('/proc/self/task')
      .map(Number)
      .filter((id) => id !== process.pid);
    assert.ok(helpers.length > 0);
    for (const id of helpers) assert.ok(getPriority(id) >= HELPER_NICENESS, String(id));
    assert.equal(getPriority(), before);
  });
});
