import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';
import { Md5Text } from '../../core/md5.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

describe('Md5Text', () => {
  it("agrees with Node's own for every length up to several blocks, and for long texts", () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const text = new Md5Text();
    const digest = new Uint32Array(6);
    for (const length of [...Array(600).keys(), 5_000, 100_000]) {
      const bytes = Buffer.from(Array.from({ length }, () => pick(random, 256)));
      const cut = pick(random, length + 1);
      text.append(bytes, 0, cut);
      text.append(bytes, cut, length);
      text.take(digest, 1);
      const hex = Buffer.from(digest.buffer).subarray(4, 20).toString('hex');
      assert.equal(hex, hash('md5', bytes), `seed ${seed}, ${length} bytes`);
    }
    assert.deepEqual([digest[0], digest[5]], [0, 0]);
  });

  it('takes texts as UTF-8, as Node does', () => {
    const text = new Md5Text();
    const digest = new Uint32Array(4);
    for (const each of ['', 'a', 'é', '漢字', '😀', '\ud800 half', 'x'.repeat(2_000)]) {
      text.appendText(each);
      text.appendByte(0x2e);
      text.take(digest, 0);
      assert.equal(Buffer.from(digest.buffer).toString('hex'), hash('md5', `${each}.`), each);
    }
  });
});
