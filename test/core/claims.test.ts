import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asWords } from '../../core/claims.ts';

describe('asWords', () => {
  it('reads keys wherever they begin, also in a Buffer that is a part of another', () => {
    const keys = Uint8Array.from({ length: 32 }, (_, i) => i);
    const expected = [...new Uint32Array(keys.buffer)];
    for (let offset = 0; offset < 4; offset += 1) {
      const frame = Buffer.alloc(64);
      frame.set(keys, offset);
      assert.deepEqual([...asWords(frame.subarray(offset, offset + 32))], expected, `offset ${offset}`);
      assert.deepEqual([...asWords(new Uint8Array(frame.buffer, frame.byteOffset + offset, 32))], expected);
    }
  });
});
