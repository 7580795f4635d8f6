import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRecent } from '../../cli/recent.ts';

describe('parseRecent', () => {
  it('takes durations, and days or weeks alone', () => {
    const hours = (text: string) => parseRecent(text) / 3_600_000;
    assert.deepEqual(['36h', '1d', '1.5d', '2w', '90m'].map(hours), [36, 24, 36, 336, 1.5]);
  });

  it('refuses nothing, less than nothing, bare numbers and mixtures', () => {
    for (const text of ['', '0', '0d', '-1h', '5', '1d12h', 'd'])
      assert.throws(() => parseRecent(text), { code: 'BAD_OPTION' }, text);
    const form = /--recent value \(1d12h\) .* or one number of d or w, like 1\.5d or 2w/;
    assert.throws(() => parseRecent('1d12h'), { message: form });
  });
});
