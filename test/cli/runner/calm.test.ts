import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Calm } from '../../../cli/runner/calm.ts';

describe('a calm time', () => {
  it('is one in which few commands ended, whatever came before', () => {
    const calm = new Calm();
    assert.equal(calm.look(10_000), true);
    for (let i = 0; i < 11; i += 1) calm.note();
    assert.equal(calm.look(10_500), false, 'it is not over');
    assert.equal(calm.look(11_000), false);
    for (let i = 0; i < 10; i += 1) calm.note();
    assert.equal(calm.look(12_000), true);
  });

  it('comes again though the clock was set back', () => {
    const calm = new Calm();
    calm.look(1_000_000);
    calm.look(5_000);
    assert.equal(calm.look(6_000), true);
  });
});
