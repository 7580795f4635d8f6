import assert from 'node:assert/strict';
import { appendFileSync, linkSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { OutputFiles } from '../../../cli/runner/output-files.ts';
import { textOf, withRunner } from './harness.ts';

describe('what commands leave behind', { concurrency: false }, () => {
  it('keeps what a silent background child says later out of the output of later commands', async () => {
    await withRunner(
      async ({ manager, dir }) => {
        const flag = join(dir, '..', 'flag');
        const [leaver] = manager.add('g', [
          { cmd: `(until [ -e ${flag} ]; do sleep 0.01; done; echo LEAK) & exit 0` },
        ]);
        await manager.untilEnded(leaver as number);
        const [reader] = manager.add('g', [{ cmd: `touch ${flag}; sleep 0.5; echo mine; exit 3` }]);
        const { stdout } = await manager.untilEnded(reader as number);
        assert.equal(textOf(stdout), 'mine');
      },
      { slots: 1 },
    );
  });

  it('lets a command signal its own process group without harm to those after it', async () => {
    await withRunner(
      async ({ manager }) => {
        const [first] = manager.add('g', [{ cmd: "trap 'exit 7' TERM; kill 0; sleep 5" }]);
        assert.equal((await manager.untilEnded(first as number)).exitCode, 7);
        const [killed] = manager.add('g', [{ cmd: 'kill 0; sleep 5' }]);
        assert.equal((await manager.untilEnded(killed as number)).exitCode, -1);
        const [after] = manager.add('g', [{ cmd: 'exit 4' }]);
        assert.equal((await manager.untilEnded(after as number)).exitCode, 4);
      },
      { slots: 1 },
    );
  });

  it('keeps a file from growing that something still writes to after its command', () => {
    const top = mkdtempSync(join(tmpdir(), 'wr-test-'));
    try {
      let nowMs = 0;
      const outputs = new OutputFiles(top, () => nowMs);
      const pair = outputs.take();
      const path = pair.outPath.slice(1, -1);
      // A second name lets the test go on writing and looking after the first is gone.
      const other = `${path}.other`;
      linkSync(path, other);
      outputs.give(pair, false);
      appendFileSync(other, 'x'.repeat(100_000));
      outputs.tick();
      assert.equal(statSync(other).size, 0);
      nowMs += 20_000;
      outputs.tick();
      appendFileSync(other, 'y');
      outputs.tick();
      assert.equal(readFileSync(other, 'utf8'), 'y', 'after a quiet while it is let go');
      outputs.close();
    } finally {
      rmSync(top, { recursive: true, force: true });
    }
  });
});
