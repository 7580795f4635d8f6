import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkInvariants } from '../../core/invariants.ts';
import { JobQueue } from '../../core/job-queue.ts';
import {
  parseResources,
  type Resources,
  readResources,
  resourceVariables,
} from '../../core/resource-names.ts';
import type { SchedulerGroup } from '../../core/scheduler-groups.ts';
import { chooseSeed, seeded } from '../random.ts';
import { ended, makeJobs, makeTokens, moment, RUNNER } from './queue-builders.ts';

const refused = (message: RegExp) => ({ code: 'BAD_OPTION', message });

describe('what a command says of resources', () => {
  it('is read from a list and from JSON alike: lower case, in order, without zeros', () => {
    assert.deepEqual(Object.entries(parseResources('licence:2,GPU:1,none:0')), [
      ['gpu', 1],
      ['licence', 2],
    ]);
    assert.deepEqual(readResources({ licence: 2, GPU: 1, none: 0 }, 'resources'), { gpu: 1, licence: 2 });
    assert.deepEqual(readResources('gpu:3', 'resources'), { gpu: 3 });
    assert.deepEqual(parseResources(''), {});
    assert.deepEqual(parseResources('gpu:1,'), { gpu: 1 });
  });

  it('is refused with the option, the value and the form when it is malformed', () => {
    const form =
      /^--resources value \(gpu\) .* it must be name:n, several separated by commas, n from 0 to 65535$/;
    assert.throws(() => parseResources('gpu'), refused(form));
    for (const bad of ['gpu:', ':1', 'gpu:x', 'gpu:-1', 'gpu:1.5', 'gpu:1:2', 'gpu:99999999'])
      assert.throws(() => parseResources(bad), refused(/--resources value \(.*\) .* it must be name:n/), bad);
    for (const bad of ['g pu:1', '1gpu:1', 'g-pu:1', 'gpü:1'])
      assert.throws(() => parseResources(bad), refused(/a name has letters, digits and _/), bad);
    assert.throws(() => parseResources('gpu:1,GPU:2'), refused(/gpu is named twice/));
    for (const bad of [1, true, ['gpu:1'], { gpu: '1' }, { gpu: 1.5 }, { gpu: -1 }, { 'g,u': 1 }, null])
      assert.throws(
        () => readResources(bad, 'resources'),
        refused(/^resources value \(/),
        JSON.stringify(bad),
      );
  });

  it('tells commands of their units, of GPUs also as CUDA wants it', () => {
    assert.deepEqual(resourceVariables({ gpu: [0, 2], licence: [7] }), [
      ['WR_RESOURCE_GPU', '0,2'],
      ['CUDA_VISIBLE_DEVICES', '0,2'],
      ['WR_RESOURCE_LICENCE', '7'],
    ]);
  });
});

class Bench {
  readonly queue = new JobQueue();
  readonly tokens = makeTokens();

  constructor(units: Resources) {
    this.queue.groups.resources.configure(units);
  }

  add(count: number, resources: Resources, limitGroups: readonly string[] = []): SchedulerGroup {
    const [first] = makeJobs(this.queue, count, { resources, limitGroups });
    return this.queue.templateOf(first as number).schedulerGroup;
  }

  reserve(group: SchedulerGroup, count: number) {
    const attempts = this.queue.reserve(group, count, RUNNER, moment(1_000), this.tokens);
    this.check();
    return attempts;
  }

  end(token: number): void {
    assert.ok(this.queue.end(ended(token, 'complete'), moment(2_000), 0));
    this.check();
  }

  check(): void {
    assert.deepEqual(checkInvariants(this.queue), []);
  }
}

describe('units of resources', () => {
  it('are with one attempt at a time, and free again at its end', () => {
    const bench = new Bench({ gpu: 3 });
    const group = bench.add(9, { gpu: 1 });
    assert.equal(group.name, '1024:60:1:0:gpu=1');
    const [a, b, c] = bench.reserve(group, 9);
    assert.deepEqual(
      [a, b, c].map((attempt) => attempt?.resources),
      [{ gpu: [0] }, { gpu: [1] }, { gpu: [2] }],
    );
    assert.equal(bench.reserve(group, 1).length, 0);
    bench.end(b?.token as number);
    assert.deepEqual(bench.reserve(group, 9)[0]?.resources, { gpu: [1] });
  });

  it('are given together or not at all', () => {
    const bench = new Bench({ gpu: 4, licence: 1 });
    const both = bench.add(9, { gpu: 2, licence: 1 });
    const pair = bench.add(9, { gpu: 2 });
    const [first] = bench.reserve(both, 9);
    assert.deepEqual(first?.resources, { gpu: [0, 1], licence: [0] });
    assert.equal(bench.reserve(pair, 9).length, 1);
    assert.equal(bench.reserve(both, 9).length, 0);
    bench.end(first?.token as number);
    assert.equal(bench.reserve(pair, 9).length, 1);
    assert.equal(bench.reserve(both, 9).length, 0, 'a licence is free, and no GPU');
  });

  it('that there are none of are given to nobody', () => {
    const bench = new Bench({ gpu: 1 });
    assert.equal(bench.reserve(bench.add(1, { gpu: 2 }), 1).length, 0);
    assert.equal(bench.reserve(bench.add(1, { fpga: 1 }), 1).length, 0);
  });

  it('are never shared, whatever begins and ends', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const pick = (most: number) => Math.floor(random() * most);
    const bench = new Bench({ gpu: 5, licence: 3 });
    bench.queue.groups.limits.set('l', 2);
    const groups = [
      bench.add(400, { gpu: 1 }),
      bench.add(400, { gpu: 3 }),
      bench.add(400, { gpu: 2, licence: 1 }, ['l']),
      bench.add(400, { licence: 2 }),
    ];
    const running: number[] = [];
    for (let step = 0; step < 2_000; step += 1) {
      if (random() < 0.5) {
        const group = groups[pick(groups.length)] as SchedulerGroup;
        const attempts = bench.queue.reserve(group, 1 + pick(3), RUNNER, moment(1_000), bench.tokens);
        running.push(...attempts.map(({ token }) => token));
      } else {
        const [token] = running.splice(pick(running.length), 1);
        if (token !== undefined) {
          const outcome = (['complete', 'release', 'bury'] as const)[pick(3)] as 'complete';
          bench.queue.end(ended(token, outcome), moment(2_000), 0);
        }
      }
      const faults = checkInvariants(bench.queue);
      assert.deepEqual(faults, [], `seed ${seed}, step ${step}`);
    }
  });
});
