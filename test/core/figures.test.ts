import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Asked,
  chooseFigures,
  type Exhaustion,
  type Figures,
  grow,
  NOT_GROWN,
} from '../../core/figures.ts';
import { NOTHING_LEARNED } from '../../core/learning.ts';

const ASKED: Asked = {
  memoryMb: 1_024,
  memorySet: true,
  timeMs: 3_600_000,
  timeSet: true,
  diskGb: 2,
  diskSet: true,
  override: 0,
};
const LESS = { memoryMb: 200, timeMs: 7_000, diskGb: 1 };
const MORE = { memoryMb: 3_000, timeMs: 9_000_000, diskGb: 5 };
const NO_MAX = Number.POSITIVE_INFINITY;

function chosen(asked: Partial<Asked>, learned = NOTHING_LEARNED, grown = NOT_GROWN, memoryMbMax = NO_MAX) {
  const { figures, from } = chooseFigures({ ...ASKED, ...asked }, learned, grown, memoryMbMax);
  const { memoryMb, timeMs, diskGb } = figures;
  return `${memoryMb} ${from.memory}, ${timeMs} ${from.time}, ${diskGb} ${from.disk}`;
}

describe('what a job is given', () => {
  it('is what was asked for, or the defaults, while nothing was learned', () => {
    assert.equal(chosen({}), '1024 asked, 3600000 asked, 2 asked');
    const unset = { memorySet: false, timeSet: false, diskSet: false, diskGb: 0 };
    assert.equal(chosen(unset), '1024 default, 3600000 default, 0 default');
  });

  it('is what was learned, less or more, with override 0', () => {
    assert.equal(chosen({}, LESS), '200 learned, 7000 learned, 1 learned');
    assert.equal(chosen({}, MORE), '3000 learned, 9000000 learned, 5 learned');
  });

  it('is what was learned only if that is more, with override 1', () => {
    assert.equal(chosen({ override: 1 }, LESS), '1024 asked, 3600000 asked, 2 asked');
    assert.equal(chosen({ override: 1 }, MORE), '3000 learned, 9000000 learned, 5 learned');
  });

  it('is what was asked for with override 2, but what was learned where nothing was asked for', () => {
    assert.equal(chosen({ override: 2 }, MORE), '1024 asked, 3600000 asked, 2 asked');
    assert.equal(
      chosen({ override: 2, memorySet: false, diskSet: false }, LESS),
      '200 learned, 3600000 asked, 1 learned',
    );
  });

  it('is learned for each of the three on its own', () => {
    assert.equal(chosen({}, { ...NOTHING_LEARNED, memoryMb: 300 }), '300 learned, 3600000 asked, 2 asked');
  });

  it('is what it grew to where that is more, but never with override 2', () => {
    assert.equal(chosen({}, LESS, MORE), '3000 grown, 9000000 grown, 5 grown');
    assert.equal(chosen({}, MORE, LESS), '3000 learned, 9000000 learned, 5 learned');
    assert.equal(chosen({ override: 2 }, NOTHING_LEARNED, MORE), '1024 asked, 3600000 asked, 2 asked');
  });

  it('grows and is learned only up to what the machine has, so that nothing is buried for it', () => {
    assert.equal(chosen({}, MORE, NOT_GROWN, 2_000), '2000 learned, 9000000 learned, 5 learned');
    assert.equal(chosen({}, NOTHING_LEARNED, MORE, 2_500).split(',')[0], '2500 grown');
    assert.equal(chosen({ memoryMb: 4_000 }, NOTHING_LEARNED, NOT_GROWN, 2_500).split(',')[0], '4000 asked');
  });
});

const HAD: Figures = { memoryMb: 500, timeMs: 60_000, diskGb: 1 };

function grown(end: Partial<Exhaustion>, before = NOT_GROWN): string {
  const whole = {
    reason: 'command exited non-zero',
    peakRamMb: 0,
    peakDiskMb: 0,
    wallMs: 0,
    ...end,
  } as const;
  const { memoryMb, timeMs, diskGb } = grow(before, HAD, whole);
  return `${memoryMb} ${timeMs} ${diskGb}`;
}

describe('growth', () => {
  it('doubles memory, by a GB at least, and by less when there was much', () => {
    const reason = 'command used too much RAM';
    assert.equal(grown({ reason, peakRamMb: 600 }), '1600 0 0');
    assert.equal(grown({ reason, peakRamMb: 4_001 }), '8100 0 0');
    assert.equal(grown({ reason, peakRamMb: 8_192 }), '16400 0 0');
    assert.equal(grown({ reason, peakRamMb: 10_000 }), '13000 0 0');
  });

  it('gives more memory after any failure that had used more than it was given', () => {
    assert.equal(grown({ peakRamMb: 501 }), '1600 0 0');
    assert.equal(grown({ peakRamMb: 500 }), '0 0 0');
  });

  it('gives an hour more than it took, in whole minutes', () => {
    const reason = 'command used too much time';
    assert.equal(grown({ reason, wallMs: 90_001 }), '0 3720000 0');
    assert.equal(grown({ wallMs: 90_001 }), '0 0 0');
  });

  it('gives 1.3 times the disk, in whole GB', () => {
    const reason = 'ran out of disk space';
    assert.equal(grown({ reason, peakDiskMb: 1_024 }), '0 0 2');
    assert.equal(grown({ reason, peakDiskMb: 10 * 1_024 }), '0 0 13');
  });

  it('keeps what it grew to before', () => {
    const before = { memoryMb: 4_000, timeMs: 9_000_000, diskGb: 9 };
    assert.equal(grown({}, before), '4000 9000000 9');
    assert.equal(grown({ reason: 'command used too much RAM', peakRamMb: 600 }, before), '4000 9000000 9');
  });
});
