import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SchedulerGroup } from '../../core/scheduler-groups.ts';
import { passOn } from '../../server/pass-on.ts';

interface Asked {
  readonly memoryMb?: number;
  readonly cpus?: number;
  readonly ready?: number;
  readonly held?: number;
}

/** As far as passing on looks at it. */
const group = (name: string, { memoryMb = 100, cpus = 1, ready = 0, held = 0 }: Asked = {}): SchedulerGroup =>
  ({ name, memoryMb, cpus, held, ready: { ready } }) as SchedulerGroup;

/** @returns who has how many slots afterwards, and how many of them are new */
function pass(
  allotted: readonly (readonly [SchedulerGroup, number])[],
  next: SchedulerGroup[],
  room: (group: SchedulerGroup) => number = () => Number.POSITIVE_INFINITY,
): { readonly slots: Record<string, number>; readonly passed: Record<string, number> } {
  const map = new Map(allotted);
  const named = (slots: Iterable<readonly [SchedulerGroup, number]>): Record<string, number> =>
    Object.fromEntries([...slots].map(([{ name }, count]) => [name, count]));
  return { passed: named(passOn({ allotted: map, next, room })), slots: named(map) };
}

describe('slots of a group that has no more jobs', () => {
  it('go to those that come next, in their order', () => {
    const next = [group('b', { ready: 1 }), group('c', { ready: 5 })];
    const { slots, passed } = pass([[group('a', { held: 1 }), 3]], next);
    assert.deepEqual(slots, { a: 1, b: 1, c: 1 });
    assert.deepEqual(passed, { b: 1, c: 1 });
  });

  it('stay where there still is work for them, or something runs in them', () => {
    const kept = [group('a', { ready: 1 }), group('b', { held: 2 })];
    const { passed } = pass(
      kept.map((each) => [each, 2]),
      [group('c', { ready: 5 })],
    );
    assert.deepEqual(passed, {});
  });

  it('wait for the next plan when the first in line asks for more', () => {
    const small = group('small', { ready: 1, memoryMb: 10 });
    for (const more of [{ memoryMb: 101 }, { cpus: 2 }, { cpus: 0 }])
      assert.deepEqual(pass([[group('a'), 1]], [group('more', { ready: 1, ...more }), small]).passed, {});
  });

  it('pass over groups whose limits are reached, and whose jobs are gone', () => {
    const full = group('full', { ready: 9 });
    const next = [full, group('gone'), group('c', { ready: 1 })];
    const { passed } = pass([[group('a'), 1]], next, (each) => (each === full ? 0 : 5));
    assert.deepEqual(passed, { c: 1 });
  });

  it('never give a group more than its limits leave', () => {
    const { passed } = pass([[group('a'), 4]], [group('b', { ready: 9 })], () => 2);
    assert.deepEqual(passed, { b: 2 });
  });
});
