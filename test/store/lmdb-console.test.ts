import assert from 'node:assert/strict';
import { it } from 'node:test';
import { keepBindingQuiet } from '../../store/lmdb-console.ts';

it('what the database binding prints besides throwing it is left out, and nothing else', () => {
  const said: unknown[][] = [];
  const target = { error: (...values: unknown[]) => void said.push(values) };
  keepBindingQuiet(target);
  const error = new Error('No space left on device');
  error.stack =
    'Error: No space left on device\n    at resolveWrites (file:///x/node_modules/lmdb/write.js:515:7)';
  target.error(error);
  assert.deepEqual(said, []);
  const own = new Error('ours');
  own.stack = 'Error: ours\n    at commit (file:///x/dist/store/lmdb.js:10:2)';
  target.error(own);
  target.error('text', error);
  assert.equal(said.length, 2);
});
