import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeFrame, encodeFrame, encodeFrameAround } from '../../core/codec.ts';

describe('a frame around bytes', () => {
  it('is read as the same message, whatever their length', () => {
    for (const length of [0, 1, 255, 256, 65_535, 65_536, 1_200_000]) {
      const text = new Uint8Array(length).fill(length % 251);
      const others = { type: 'jsonPage', id: 70_000, jobs: [{ a: 'ü' }, null], last: false };
      const frame = encodeFrameAround(others, 'text', text);
      const [message] = decodeFrame(Buffer.from(frame.buffer));
      const [expected] = decodeFrame(encodeFrame({ ...others, text }));
      assert.deepEqual(message, expected);
      assert.equal(frame.byteLength, frame.buffer.byteLength, 'its memory may be moved');
    }
  });

  it('leaves the bytes it was made of alone, and refuses a message of too many members', () => {
    const text = Uint8Array.of(1, 2, 3);
    const frame = encodeFrameAround({ type: 'a' }, 'text', text);
    frame.fill(0);
    assert.deepEqual(text, Uint8Array.of(1, 2, 3));
    const many = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`m${i}`, i]));
    assert.throws(() => encodeFrameAround(many, 'text', text), RangeError);
  });
});
