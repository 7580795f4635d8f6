import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Histogram } from '../../../bench/fleet/histogram.ts';
import { jsonLine } from '../../../bench/harness/files.ts';
import { formatTable, median } from '../../../bench/harness/table.ts';
import { speedBetween } from '../../../bench/questions/last-tenth.ts';

describe('figures of the benches', () => {
  it('have columns of equal width and say plainly what was not met', () => {
    const row = { figure: 'a', target: '≤ 1 s', measured: '2 s', reference: '', ratio: '', met: false };
    const lines = formatTable([row]).split('\n');
    assert.equal(new Set(lines.map((line) => line.length)).size, 1);
    assert.match(lines[2] ?? '', /\| NO {2}\|$/);
  });

  it('take the middle of several rounds', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
  });

  it('give percentiles that survive merging', () => {
    const one = new Histogram();
    for (let ms = 0; ms < 100; ms += 1) one.add(ms);
    const both = new Histogram(one.counts);
    both.merge(one.counts);
    assert.ok(Math.abs(both.percentile(0.5) - 49.1) < 0.2);
    assert.ok(Math.abs(both.percentile(0.99) - 98.1) < 0.2);
    assert.ok(Number.isNaN(new Histogram().percentile(0.5)));
  });

  it('compare the speed of the ends of a run', () => {
    const steady = Array.from({ length: 100 }, () => 50);
    assert.ok(Math.abs(speedBetween(steady, 0, 0.1) - 500) < 1e-6);
    const slowing = [...Array.from({ length: 50 }, () => 100), ...Array.from({ length: 100 }, () => 50)];
    assert.ok(Math.abs(speedBetween(slowing, 0.9, 0.99) / speedBetween(slowing, 0.01, 0.1) - 0.5) < 1e-6);
  });

  it('are measured on JSON lines of about 260 bytes', () => {
    assert.ok(Math.abs(jsonLine(123_456).length - 260) <= 10, `${jsonLine(123_456).length} bytes`);
  });
});
