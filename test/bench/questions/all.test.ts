import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CommandFiles } from '../../../bench/harness/files.ts';
import { QUESTIONS } from '../../../bench/questions/all.ts';

/** Small enough for a test: what it measures means nothing, that it measures counts. */
const SCALE = 0.0005;

describe('questions of the bench', () => {
  let files: CommandFiles;
  before(() => {
    files = new CommandFiles();
  });
  after(() => files.remove());

  for (const question of QUESTIONS) {
    it(`${question.name} is still answered`, async () => {
      const rows = await question.ask({ files, scale: SCALE, rounds: 1, say: () => undefined });
      assert.ok(rows.length > 0);
      for (const row of rows) assert.doesNotMatch(row.measured, /NaN|Infinity|undefined/, row.figure);
    });
  }
});
