import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { LATER_OPTIONS } from '../../core/later-options.ts';

// Seen from dist/test/docs.
const page = readFileSync(new URL('../../../docs/later.md', import.meta.url), 'utf8');

describe('docs/later.md', () => {
  it('lists exactly the options that an add warns of', () => {
    const documented = [...page.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name]) => name);
    assert.deepEqual(documented.sort(), [...LATER_OPTIONS].sort());
  });
});
