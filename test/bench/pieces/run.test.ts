import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PIECES } from '../../../bench/pieces/run.ts';

describe('benches of pieces', () => {
  for (const make of PIECES) {
    it(`${make.name} still runs`, async () => {
      const bench = make(1);
      const tasks = await bench.run();
      assert.ok(tasks.length > 0);
      for (const task of tasks) assert.equal(task.result.state, 'completed', task.name);
    });
  }
});
