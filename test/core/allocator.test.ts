import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dropAllocator, withAllocator } from '../../core/allocator.ts';

describe("the allocator's settings", () => {
  it('are added where there are none, and taken out again', () => {
    const env: Record<string, string> = withAllocator({ A: 'b' });
    assert.deepEqual(Object.keys(env).sort(), ['A', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_']);
    dropAllocator(env);
    assert.deepEqual(env, { A: 'b' });
  });

  it("leave a user's own alone", () => {
    const env: Record<string, string> = withAllocator({ MALLOC_MMAP_THRESHOLD_: '4096' });
    dropAllocator(env);
    assert.deepEqual(env, { MALLOC_MMAP_THRESHOLD_: '4096' });
  });
});
