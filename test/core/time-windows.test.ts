import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOpen, momentOf, parseTimeWindow } from '../../core/time-windows.ts';

/** Local time, as the manager has it. */
function open(name: string, text: string): boolean {
  const window = parseTimeWindow(name);
  assert.ok(window !== null, name);
  return isOpen(window, momentOf(new Date(text).getTime()));
}

describe('a time window', () => {
  it('opens after its beginning and shuts at its end, both strictly', () => {
    assert.equal(open('09:00:00<time', '2026-05-04T08:59:59.999'), false);
    assert.equal(open('09:00:00<time', '2026-05-04T09:00:00.000'), false);
    assert.equal(open('09:00:00<time', '2026-05-04T09:00:00.001'), true);
    assert.equal(open('time<09:00:00', '2026-05-04T08:59:59.999'), true);
    assert.equal(open('time<09:00:00', '2026-05-04T09:00:00.000'), false);
    assert.equal(open('09:00:00<time<17:30:00', '2026-05-04T12:00:00'), true);
    assert.equal(open('09:00:00<time<17:30:00', '2026-05-04T17:30:00'), false);
    assert.equal(open('09:00:00<time<17:30:00', '2026-05-04T08:00:00'), false);
  });

  it('is overnight when it begins after its end', () => {
    for (const [time, is] of [
      ['23:00:00', true],
      ['00:00:00', true],
      ['05:59:59', true],
      ['06:00:00', false],
      ['12:00:00', false],
      ['22:00:00', false],
      ['22:00:01', true],
    ] as const)
      assert.equal(open('22:00:00<time<06:00:00', `2026-05-04T${time}`), is, time);
  });

  it('may be of the calendar', () => {
    assert.equal(open('2026-05-04 09:00:00<datetime', '2026-05-04T09:00:00'), false);
    assert.equal(open('2026-05-04 09:00:00<datetime', '2026-05-04T09:00:01'), true);
    assert.equal(open('datetime<2026-05-04 09:00:00', '2026-05-04T09:00:00'), false);
    assert.equal(open('datetime<2026-05-04 09:00:00', '2025-12-31T23:00:00'), true);
    const both = '2026-05-04 09:00:00<datetime<2026-06-01 00:00:00';
    assert.equal(open(both, '2026-05-31T23:59:59'), true);
    assert.equal(open(both, '2026-06-01T00:00:00'), false);
    assert.equal(open('2024-02-29 00:00:00<datetime', '2026-01-01T00:00:00'), true);
  });

  it('may have one blank at each side of <', () => {
    assert.equal(open('09:00:00 < time < 17:00:00', '2026-05-04T12:00:00'), true);
    assert.equal(open('2026-05-04 09:00:00 <datetime', '2026-05-05T12:00:00'), true);
    assert.equal(parseTimeWindow('09:00:00  <time'), null);
  });

  it('is an ordinary name when there is no such time, or it has another shape', () => {
    for (const name of [
      'time',
      'datetime',
      '',
      'irods',
      '25:00:00<time',
      '24:00:00<time',
      '12:60:00<time',
      'time<12:00:60',
      '9:00:00<time',
      '09:00<time',
      '09:00:00>time',
      '09:00:00<time<25:00:00',
      'x09:00:00<time',
      '09:00:00<timer',
      '2026-02-30 00:00:00<datetime',
      '2026-13-01 00:00:00<datetime',
      '2026-00-10 00:00:00<datetime',
      '2026-01-01<datetime',
      '2026-01-01 00:00:00<time',
      '2025-02-29 00:00:00<datetime',
    ])
      assert.equal(parseTimeWindow(name), null, name);
  });
});
