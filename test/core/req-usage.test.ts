import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NOTHING_LEARNED } from '../../core/learning.ts';
import { ReqUsage, ReqUsages, usageOf } from '../../core/req-usage.ts';
import { ended } from './queue-builders.ts';

const usage = (memory: number | null, disk: number | null, time: number | null) => ({ memory, disk, time });

describe('the usage of a requirement group', () => {
  it('counts runs of each statistic and keeps values until they are merged', () => {
    const sort = new ReqUsage('sort');
    sort.record(usage(10, 0, 3));
    sort.record(usage(10, null, 4));
    sort.record(usage(null, 7, null));
    assert.deepEqual(sort.runs, { memory: 2, disk: 2, time: 2 });
    assert.deepEqual(sort.freshValues(), { memory: [10], disk: [0, 7], time: [3, 4] });
    sort.merged({ memory: [10], disk: [0], time: [3] });
    assert.deepEqual(sort.freshValues(), { memory: [], disk: [7], time: [4] });
    sort.record(usage(10, 10, 10));
    assert.deepEqual(sort.freshValues(), { memory: [], disk: [7, 10], time: [4, 10] });
  });

  it('comes back from disk with what was not merged', () => {
    const usages = new ReqUsages();
    const sort = usages.of('sort');
    usages.record(sort, usage(2 ** 43, 1, 2));
    usages.merged(sort, { memory: [], disk: [1], time: [] }, { ...NOTHING_LEARNED, diskGb: 1 });
    const after = new ReqUsages();
    after.source = (reqGroup) => (reqGroup === 'sort' ? sort.save() : undefined);
    assert.deepEqual(after.of('sort').save(), sort.save());
    assert.deepEqual(after.of('sort').freshValues(), { memory: [2 ** 43], disk: [], time: [2] });
    assert.deepEqual([...after.fresh], [after.of('sort')]);
    assert.deepEqual([after.of('other').runs.time, after.fresh.size], [0, 1]);
  });

  it('is told of all three by a success and of what it ran out of by a failure', () => {
    const more = { peakRamMb: 99.2, peakDiskMb: 5, startedMs: 1_000, endedMs: 3_001 };
    assert.deepEqual(usageOf(ended(1, 'complete', more), false), usage(100, 5, 3));
    assert.deepEqual(usageOf(ended(1, 'complete', more), true), usage(100, null, 3));
    assert.deepEqual(usageOf(ended(1, 'release', more), false), usage(null, null, null));
    const of = (
      reason: 'command used too much RAM' | 'ran out of disk space' | 'command used too much time',
    ) => usageOf(ended(1, 'release', { ...more, reason }), false);
    assert.deepEqual(of('command used too much RAM'), usage(100, null, null));
    assert.deepEqual(of('ran out of disk space'), usage(null, 5, null));
    assert.deepEqual(of('command used too much time'), usage(null, null, 3));
  });

  it('is not told what was not measured: memory before a first look, time without a start', () => {
    const more = { peakRamMb: 0, peakDiskMb: 0, startedMs: 0, endedMs: 3_001 };
    assert.deepEqual(usageOf(ended(1, 'complete', more), false), usage(null, 0, null));
  });
});
