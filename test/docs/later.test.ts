import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { LATER_OPTIONS } from '../../core/later-options.ts';
import { UNUSABLE_OPTIONS } from '../../core/unusable-options.ts';

// Seen from dist/test/docs.
const page = readFileSync(new URL('../../../docs/later.md', import.meta.url), 'utf8');

const [warned = '', refused = ''] = page.split('# Refused until');

function optionsOf(part: string): (string | undefined)[] {
  return [...part.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name]) => name).sort();
}

describe('docs/later.md', () => {
  it('lists exactly the options that an add warns of', () => {
    assert.deepEqual(optionsOf(warned), [...LATER_OPTIONS].sort());
  });

  it('lists exactly the options that an add is refused for', () => {
    assert.deepEqual(optionsOf(refused), [...UNUSABLE_OPTIONS].sort());
  });
});
