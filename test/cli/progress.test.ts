import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { grouped, Progress, progressLine } from '../../cli/progress.ts';

describe('progressLine', () => {
  it('leaves out what a narrow terminal has no room for', () => {
    const state = { elapsedMs: 2000, commands: 500_000, bytes: 5e6, totalBytes: 20e6 };
    assert.equal(
      progressLine({ ...state, columns: 60 }),
      'Adding  25%  500,000 commands  250,000/s  6 s left',
    );
    for (const columns of [10, 40, 60, 100, 120])
      assert.ok(progressLine({ ...state, columns }).length < columns, `${columns} columns`);
    assert.ok(progressLine({ ...state, totalBytes: null, columns: 20 }).length < 20);
  });

  it('shows share, amount, rate and time left of a file', () => {
    const line = progressLine({ elapsedMs: 2000, commands: 500_000, bytes: 5e6, totalBytes: 20e6 });
    assert.equal(
      line,
      'Adding [######------------------]  25%  5.0 MB of 20.0 MB  500,000 commands  250,000/s  6 s left',
    );
  });

  it('shows no share of a stream', () => {
    assert.equal(
      progressLine({ elapsedMs: 1000, commands: 10, bytes: 1e6, totalBytes: null }),
      'Adding 1.0 MB  10 commands  10/s',
    );
  });

  it('groups digits', () => {
    assert.deepEqual([0, 999, 1000, 1234567].map(grouped), ['0', '999', '1,000', '1,234,567']);
  });
});

describe('Progress', () => {
  it('draws nothing of a quick add, then not too often, and cleans up', () => {
    let nowMs = 1000;
    const written: string[] = [];
    const progress = new Progress(
      (text) => written.push(text),
      () => nowMs,
      100,
    );
    progress.update(1, 10);
    progress.done();
    assert.equal(written.length, 0);
    nowMs = 1400;
    progress.update(2, 50);
    nowMs = 1450;
    progress.update(3, 60);
    assert.equal(written.length, 1);
    progress.done();
    assert.equal(written[1], '\r\u001B[K');
  });
});
