import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandFiles } from '../../../bench/harness/files.ts';
import { QUESTIONS } from '../../../bench/questions/all.ts';

/** Small enough for a test: what it measures means nothing, that it measures counts. */
const SCALE = 0.0005;

// Side by side, for each of them mostly waits for time to pass.
describe('questions of the bench', { concurrency: 4 }, () => {
  for (const question of QUESTIONS) {
    it(`${question.name} is still answered`, async () => {
      const files = new CommandFiles();
      try {
        const rows = await question.ask({ files, scale: SCALE, rounds: 1, say: () => undefined });
        assert.ok(rows.length > 0);
        for (const row of rows) assert.doesNotMatch(row.measured, /NaN|Infinity|undefined/, row.figure);
      } finally {
        files.remove();
      }
    });
  }
});
