import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ALLOCATOR_VALUE, ALLOCATOR_VARIABLE, dropAllocator, withAllocator } from '../../core/allocator.ts';

describe("the allocator's setting", () => {
  it('is added where there is none, and taken out again', () => {
    const env: Record<string, string> = withAllocator({ A: 'b' });
    assert.deepEqual(env, { A: 'b', [ALLOCATOR_VARIABLE]: ALLOCATOR_VALUE });
    dropAllocator(env);
    assert.deepEqual(env, { A: 'b' });
  });

  it("leaves a user's own alone", () => {
    const env: Record<string, string> = withAllocator({ [ALLOCATOR_VARIABLE]: '4096' });
    dropAllocator(env);
    assert.deepEqual(env, { [ALLOCATOR_VARIABLE]: '4096' });
  });
});
