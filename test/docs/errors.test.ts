import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ERROR_HINTS } from '../../core/errors.ts';

// Seen from dist/test/docs.
const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** The rows of the page's tables: code → hint. */
function documentedHints(): Map<string, string> {
  const rows = page.matchAll(/^\| `([A-Z_]+)` \| (.+) \|$/gm);
  return new Map([...rows].map(([, code, hint]) => [code ?? '', hint ?? '']));
}

describe('docs/errors.md', () => {
  it('lists exactly the codes of the registry', () => {
    assert.deepEqual([...documentedHints().keys()].sort(), Object.keys(ERROR_HINTS).sort());
  });

  it('says of each code what the program says', () => {
    const documented = documentedHints();
    for (const [code, hint] of Object.entries(ERROR_HINTS)) assert.equal(documented.get(code), hint, code);
  });
});
