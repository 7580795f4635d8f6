import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { UNUSABLE_OPTIONS } from '../../core/unusable-options.ts';

// Seen from dist/test/docs.
const page = readFileSync(new URL('../../../docs/later.md', import.meta.url), 'utf8');

function optionsOf(part: string): (string | undefined)[] {
  return [...part.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name]) => name).sort();
}

describe('docs/later.md', () => {
  it('lists exactly the options that an add is refused for', () => {
    assert.deepEqual(optionsOf(page), [...UNUSABLE_OPTIONS].sort());
  });
});
