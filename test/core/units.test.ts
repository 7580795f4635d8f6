import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration, parseDurationMs, parseMemoryMb } from '../../core/units.ts';

describe('memory', () => {
  it('is base 2 in every unit and case, rounded down to whole MB', () => {
    const cases: readonly [string, number][] = [
      ['1G', 1024],
      ['1.5G', 1536],
      ['3gb', 3072],
      ['50MiB', 50],
      ['50mb', 50],
      ['500K', 0],
      ['2048KiB', 2],
      ['3145728B', 3],
      ['1T', 1024 ** 2],
      ['1P', 1024 ** 3],
      ['1E', 1024 ** 4],
      ['.5G', 512],
      [' 7M ', 7],
    ];
    for (const [text, mb] of cases) assert.equal(parseMemoryMb(text), mb, text);
  });

  it('is refused without a unit, with a blank before it, negative, or in an unknown unit', () => {
    for (const text of ['', '1', '1 G', '-1G', '1X', '1GX', '1BB', '1BIB', 'G', '1e3M', '17E', '1,5G']) {
      assert.throws(() => parseMemoryMb(text), RangeError, text);
    }
  });
});

describe('durations', () => {
  it('are sums of numbers with units', () => {
    const cases: readonly [string, number][] = [
      ['90m', 5_400_000],
      ['1h30m', 5_400_000],
      ['1.5h', 5_400_000],
      ['90s', 90_000],
      ['250ms', 250],
      ['5us', 0.005],
      ['5µs', 0.005],
      ['5ns', 0.000005],
      ['0', 0],
      ['0h', 0],
      ['1h1m1s1ms', 3_661_001],
    ];
    for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text);
  });

  it('are refused without a unit, with days, with blanks inside or a sign', () => {
    for (const text of ['', '5', '1d', '1h 30m', '-1h', 'h', '1hh', '1e3s', '999999999h', '1h30']) {
      assert.throws(() => parseDurationMs(text), RangeError, text);
    }
  });

  it('print with leading zero units dropped and inner zeros kept', () => {
    const cases: readonly [number, string][] = [
      [3_600_000, '1h0m0s'],
      [90_000, '1m30s'],
      [5002.266249, '5.002266249s'],
      [60_000, '1m0s'],
      [0, '0s'],
      [250, '250ms'],
      [1.5, '1.5ms'],
      [0.005, '5µs'],
      [0.000007, '7ns'],
      [90_061_000, '25h1m1s'],
      [999.9999999, '1s'],
      [1999.9999999, '2s'],
      [-1000, '-1s'],
    ];
    for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
  });

  it('read back as they were printed', () => {
    for (const ms of [1, 999, 1000, 61_001, 3_600_000, 86_399_999])
      assert.equal(parseDurationMs(formatDuration(ms)), ms);
  });
});
