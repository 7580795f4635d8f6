import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInvariants } from '../../core/invariants.ts';
import { JobQueue } from '../../core/job-queue.ts';
import type { SchedulerGroup } from '../../core/scheduler-groups.ts';
import { chooseSeed, seeded } from '../random.ts';
import { ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

const NOW = new Date('2026-05-04T12:00:00').getTime();

class Bench {
  readonly queue = new JobQueue();
  readonly tokens = makeTokens();

  get limits() {
    return this.queue.groups.limits;
  }

  add(
    count: number,
    limitGroups: readonly string[],
    more: { readonly memoryMb?: number } = {},
  ): SchedulerGroup {
    const [first] = makeJobs(this.queue, count, { ...more, limitGroups });
    return this.queue.templateOf(first as number).schedulerGroup;
  }

  /** @returns the tokens of what may start */
  reserve(group: SchedulerGroup, count: number, nowMs = NOW): number[] {
    const attempts = this.queue.reserve(group, count, RUNNER, moment(nowMs), this.tokens);
    this.check();
    return attempts.map(({ token }) => token);
  }

  end(token: number | undefined, outcome: 'complete' | 'release' | 'bury' = 'complete'): void {
    assert.ok(this.queue.end(ended(token as number, outcome), moment(NOW), 0));
    this.check();
  }

  check(): void {
    assert.deepEqual(checkInvariants(this.queue), []);
  }
}

describe('limit groups', () => {
  it('let no more run than they may, counted from reservation to the end', () => {
    const bench = new Bench();
    bench.limits.set('l', 2);
    const group = bench.add(9, ['l']);
    const [a, b] = bench.reserve(group, 5);
    assert.equal(bench.reserve(group, 5).length, 0);
    for (const [token, outcome] of [
      [a, 'complete'],
      [b, 'release'],
    ] as const) {
      bench.end(token, outcome);
      assert.equal(bench.reserve(group, 5).length, 1, outcome);
    }
  });

  it('count what is given back, and what is given up', () => {
    const bench = new Bench();
    bench.limits.set('l', 1);
    const group = bench.add(5, ['l']);
    const [a] = bench.reserve(group, 1);
    bench.queue.release(a as number, '', moment(NOW), 0);
    assert.equal(bench.reserve(group, 2).length, 1);
    bench.queue.expire(moment(NOW + 70_000), 60_000, () => true);
    bench.check();
    assert.equal(bench.reserve(group, 2).length, 1);
  });

  it('must all have room, whatever scheduler groups share them', () => {
    const bench = new Bench();
    bench.limits.set('a', 3);
    bench.limits.set('b', 1);
    const both = bench.add(5, ['a', 'b']);
    const one = bench.add(5, ['a']);
    const small = bench.add(5, ['a'], { memoryMb: 50 });
    const [first] = bench.reserve(both, 5);
    assert.equal(bench.reserve(both, 1).length, 0);
    assert.equal(bench.reserve(one, 1).length, 1);
    assert.equal(bench.reserve(small, 5).length, 1);
    assert.equal(bench.reserve(one, 1).length, 0);
    bench.end(first);
    assert.equal(bench.reserve(small, 5).length, 1);
  });

  it('of 0 let none start, of -1 any number', () => {
    const bench = new Bench();
    bench.limits.set('l', 0);
    const group = bench.add(5, ['l']);
    assert.equal(bench.reserve(group, 1).length, 0);
    bench.limits.set('l', -1);
    assert.equal(bench.reserve(group, 9).length, 5);
  });

  it('know what runs when a limit is set later, or set anew', () => {
    const bench = new Bench();
    const group = bench.add(9, ['l']);
    const [a, b] = bench.reserve(group, 3);
    bench.limits.set('l', 3);
    assert.equal(bench.reserve(group, 1).length, 0);
    bench.limits.set('l', -1);
    bench.limits.set('l', 2);
    bench.end(a);
    assert.equal(bench.reserve(group, 1).length, 0, 'two still run');
    bench.end(b);
    assert.equal(bench.reserve(group, 9).length, 1);
  });

  it('stop nothing when they are lowered below what runs', () => {
    const bench = new Bench();
    bench.limits.set('l', 4);
    const group = bench.add(9, ['l']);
    const tokens = bench.reserve(group, 4);
    bench.limits.set('l', 1);
    bench.check();
    assert.equal(bench.queue.attempts.size, 4);
    for (const token of tokens.slice(0, 3)) {
      bench.end(token);
      assert.equal(bench.reserve(group, 1).length, 0);
    }
    bench.end(tokens[3]);
    assert.equal(bench.reserve(group, 9).length, 1);
  });

  it('leave memory with their last use, unless they have a limit', () => {
    const bench = new Bench();
    for (let i = 0; i < 50; i += 1) {
      const group = bench.add(1, [`once-${i}`, 'time<13:00:00']);
      assert.equal(bench.limits.size, 2);
      bench.end(bench.reserve(group, 1)[0]);
    }
    assert.equal(bench.limits.size, 0);
    bench.limits.set('kept', 5);
    assert.equal(bench.limits.size, 1);
    bench.limits.set('kept', -1);
    assert.equal(bench.limits.size, 0);
    const { boundMax, linkBound } = bench.queue.groups.table.view;
    assert.equal(boundMax.length, 64, 'rows were used again');
    assert.equal(linkBound.length, 64);
  });

  it('that are spans of time let jobs start within them only, and take no limit', () => {
    const bench = new Bench();
    const name = '11:00:00<time<13:00:00';
    bench.limits.set(name, 0);
    const group = bench.add(9, [name]);
    assert.equal(bench.reserve(group, 2, NOW - 2 * 3_600_000).length, 0);
    assert.equal(bench.reserve(group, 2).length, 2);
    assert.equal(bench.reserve(group, 2, NOW + 3_600_000).length, 0);
    assert.equal(bench.limits.limit(name), -1);
    assert.deepEqual([...bench.limits.limits()], []);
    assert.equal(bench.queue.attempts.size, 2, 'what runs may run on');
  });

  it('are noticed to open and shut', () => {
    const bench = new Bench();
    const group = bench.add(9, ['11:00:00<time<13:00:00']);
    const max = () => bench.queue.groups.table.view.boundMax[group.limits[0]?.bound ?? 0];
    assert.equal(max(), 0, 'until the first look at the clock');
    assert.equal(bench.limits.tick(NOW - 2 * 3_600_000), false);
    assert.equal(bench.limits.tick(NOW), true);
    assert.notEqual(max(), 0);
    bench.check();
    assert.equal(bench.limits.tick(NOW + 1_000), false);
    assert.equal(bench.limits.tick(NOW + 3_600_000), true);
    assert.equal(max(), 0);
    bench.check();
  });
});

describe('limits that change under load', () => {
  it('are never exceeded, and every count stays true', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const pick = (most: number) => Math.floor(random() * most);
    const bench = new Bench();
    const names = ['a', 'b', 'c', 'd'];
    const running: number[] = [];
    const groups: SchedulerGroup[] = [];
    const step: Record<string, () => void> = {
      add: () => {
        const limited = names.filter(() => random() < 0.4);
        groups.push(bench.add(1 + pick(5), limited, { memoryMb: 100 * (1 + pick(3)) }));
      },
      set: () => bench.limits.set(names[pick(4)] as string, pick(6) - 1),
      reserve: () => {
        const group = groups[pick(groups.length)];
        if (group !== undefined) running.push(...bench.reserve(group, 1 + pick(4)));
      },
      end: () => {
        const [token] = running.splice(pick(running.length), 1);
        if (token !== undefined) bench.end(token, (['complete', 'release', 'bury'] as const)[pick(3)]);
      },
      ripen: () => void bench.queue.ripen(NOW + 10_000_000, 100),
    };
    const kinds = Object.keys(step);
    for (let i = 0; i < 3_000; i += 1) {
      const kind = kinds[pick(kinds.length)] as string;
      step[kind]?.();
      assert.deepEqual(checkInvariants(bench.queue), [], `seed ${seed}, step ${i}: ${kind}`);
    }
  });
});
