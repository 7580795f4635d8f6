import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WrError } from '../../core/errors.ts';
import { asDefect, stackOf } from '../../server/defects.ts';

describe('a defect', () => {
  it('names the file of ours that it comes from, and keeps what was thrown', () => {
    const thrown = new TypeError('x is not a function');
    const root = new URL('../../', import.meta.url).href;
    const frames = [
      'node:internal/timers:1:2',
      `${root}node_modules/lmdb/index.js:3:4`,
      `${root}server/persist.js:56:7`,
    ];
    thrown.stack = `TypeError: x is not a function\n${frames.map((frame) => `    at f (${frame})`).join('\n')}`;
    const defect = asDefect('an exception that nothing caught', thrown);
    assert.equal(
      defect.message,
      'an exception that nothing caught in server/persist.js:56: x is not a function',
    );
    assert.equal(defect.code, 'INTERNAL');
    assert.equal(defect.cause, thrown);
  });

  it('is told with the frames of what was thrown first, on one line', () => {
    const stack = stackOf(
      asDefect('a failure', new WrError('STORE_FAILED', 'outer', { cause: new Error('inner') })),
    );
    assert.match(stack, /^at .*defects\.test/);
    assert.doesNotMatch(stack, /\n/);
  });

  it('may be anything that can be thrown', () => {
    assert.equal(asDefect('a failure', 'only words').message, 'a failure: only words');
    assert.equal(asDefect('a failure', undefined).message, 'a failure: undefined');
    assert.equal(stackOf(7), '');
  });
});
