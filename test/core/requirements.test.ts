import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { reqGroupOf, requirementsName, requirementsOf, schedulerGroupOf } from '../../core/requirements.ts';

const wants = (
  memoryMb: number,
  timeMs: number,
  cpus: number,
  diskGb: number,
  other: Record<string, string> = {},
) => ({
  memoryMb,
  timeMs,
  cpus,
  diskGb,
  other,
});

describe('requirements', () => {
  it('are named RAM:minutes:cores:disk, with the MD5 of other requests', () => {
    assert.equal(requirementsName(wants(300, 7_200_000, 2, 0)), '300:120:2:0');
    assert.equal(requirementsName(wants(1, 1000, 1, 20)), '1:0:1:20');
    const name = '300:120:2:0:f88250fdf9c81d47c18d63354b85f26e';
    assert.equal(requirementsName(wants(300, 7_200_000, 2, 0, { foo: 'bar', goo: 'lar' })), name);
    assert.equal(requirementsName(wants(300, 7_200_000, 2, 0, { goo: 'lar', foo: 'bar' })), name);
    assert.equal(requirementsName(wants(1, 60_000, 0.5, 0)), '1:1:0.5:0');
  });

  it('get 100 MB more when small, and times up to the next half hour', () => {
    assert.equal(requirementsOf(wants(923, 1, 1, 0)).memoryMb, 1023);
    assert.equal(requirementsOf(wants(924, 1, 1, 0)).memoryMb, 924);
    const times = [0, 1, 1_800_000, 1_800_001].map((timeMs) => requirementsOf(wants(1, timeMs, 1, 0)).timeMs);
    assert.deepEqual(times, [0, 1_800_000, 1_800_000, 3_600_000]);
  });

  it('make the scheduler group, with limit groups sorted, each once, without their limits', () => {
    const base = { ...DEFAULT_JOB_OPTIONS, memoryMb: 10, timeMs: 1000 };
    assert.equal(schedulerGroupOf({ ...base, limitGroups: ['b', 'a'] }), '110:30:1:0~a,b');
    assert.equal(schedulerGroupOf({ ...base, limitGroups: ['b:3', 'a', 'b', 'a:-1'] }), '110:30:1:0~a,b');
    assert.equal(schedulerGroupOf(base), '110:30:1:0');
  });
});

describe('requirement groups', () => {
  it('default to the base name of the first word', () => {
    const of = (cmd: string) => reqGroupOf(Buffer.from(cmd), { reqGroup: null });
    const names = [
      '/usr/bin/samtools view',
      'echo',
      '  ls -l',
      '/',
      'a/b/',
      '',
      './run.sh /x/y',
      'bin//tool',
      'tab\tword x',
    ];
    assert.deepEqual(names.map(of), ['samtools', 'echo', 'ls', '/', 'b', '', 'run.sh', 'tool', 'tab\tword']);
    assert.equal(reqGroupOf(Buffer.from('echo'), { reqGroup: 'mine' }), 'mine');
  });

  it('default to no more than a program can be called, cut between characters', () => {
    const of = (cmd: string) => reqGroupOf(Buffer.from(cmd), { reqGroup: null });
    assert.equal(of(`/bin/${'x'.repeat(4_000_000)} y`), 'x'.repeat(255));
    assert.equal(of(`${'x'.repeat(255)} y`), 'x'.repeat(255));
    assert.equal(of(`x${'é'.repeat(200)}`), `x${'é'.repeat(127)}`);
    assert.equal(of(`${'é'.repeat(200)}`), 'é'.repeat(127));
    assert.equal(reqGroupOf(Buffer.from('echo'), { reqGroup: 'y'.repeat(300) }), 'y'.repeat(300));
  });
});
