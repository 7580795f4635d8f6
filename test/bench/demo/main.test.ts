import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runProcess } from '../../../bench/harness/manager.ts';

const DEMO = fileURLToPath(new URL('../../../bench/demo/main.js', import.meta.url));
/** A small folder of real files. Seen from dist/test/bench/demo. */
const FILES = fileURLToPath(new URL('../../../../node_modules/ws', import.meta.url));

describe('demo', () => {
  it('runs, retries, buries, sums up and stops', async () => {
    const { stdout } = await runProcess(process.execPath, [DEMO, '--dir', FILES]);
    assert.match(stdout, /Added \d+ new commands \(0 were duplicates\)/);
    assert.match(stdout, /Initiated retry of 5 buried commands/);
    assert.match(stdout, /demo\.compress : complete=\d+ .*memory=\d+MB/);
    assert.match(stdout, /demo\.hopeless : complete=0 .*buried=2 .*command not found/);
    assert.match(stdout, /95 % used at most \d+ MB/);
    assert.match(stdout, /done in/);
  });
});
