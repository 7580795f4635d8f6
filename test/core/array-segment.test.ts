import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eachIndex, parseArray } from '../../core/array-indexes.ts';
import { ArrayCommands, arrayKeys, arrayPattern, hasHole } from '../../core/array-pattern.ts';
import { packArray } from '../../core/array-segment.ts';
import { WrError } from '../../core/errors.ts';
import { identityFrame, jobKey } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { filterSegment, Segment, setTemplateIds } from '../../core/segment.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function pack(
  cmd: string,
  indexes: string,
  more: { priority?: number; delta?: string } = {},
): Uint8Array<ArrayBuffer> {
  const pattern = arrayPattern(Buffer.from(cmd));
  const ranges = parseArray(indexes, 'array');
  const keyOf = arrayKeys(pattern, identityFrame(DEFAULT_JOB_OPTIONS));
  return packArray({
    templateId: 3,
    keys: (target) => void target.write([...eachIndex(ranges)].map(keyOf).join(''), 'latin1'),
    ranges,
    pattern,
    priority: more.priority ?? null,
    delta: more.delta ?? '',
  }).bytes;
}

describe('the commands of a pattern', () => {
  it('have the index wherever {} stands', () => {
    const commands = new ArrayCommands(Buffer.from('a {} {}.b{'));
    assert.equal(text(commands.command(17)), 'a 17 17.b{');
  });

  it('set the variable where there is no {}, so that each is another', () => {
    const pattern = arrayPattern(Buffer.from('run.sh'));
    assert.equal(hasHole(Buffer.from('run.sh')), false);
    assert.equal(text(new ArrayCommands(pattern).command(4)), 'export WR_ARRAY_INDEX=4; run.sh');
  });

  it('have the keys of the same commands added one by one, in any encoding and with any options', () => {
    const options = { ...DEFAULT_JOB_OPTIONS, cwd: '/ü', cwdMatters: true };
    for (const bytes of [
      Buffer.from('x {}'),
      Buffer.from('{} é {} ü'),
      Buffer.from([0x61, 0xff, 0x7b, 0x7d, 0xfe]),
    ]) {
      for (const from of [DEFAULT_JOB_OPTIONS, options]) {
        const keyOf = arrayKeys(bytes, identityFrame(from));
        for (const index of [0, 7, 1234567])
          assert.deepEqual(
            Buffer.from(keyOf(index), 'latin1'),
            Buffer.from(jobKey(new ArrayCommands(bytes).command(index), from)),
          );
      }
    }
  });

  it('are refused when they would be longer than a line may be', () => {
    assert.throws(
      () => arrayPattern(Buffer.from('{}'.repeat(400_000))),
      /array: its commands would be longer than 4194304/,
    );
  });
});

describe('a segment of an array', () => {
  it('holds its pattern once, and gives back every job', () => {
    const segment = new Segment(
      pack('sort {}.txt', '1-1000,5000', { priority: 9, delta: '{"depGroups":["d"]}' }),
    );
    assert.equal(segment.count, 1001);
    assert.deepEqual(
      [text(segment.command(0)), text(segment.command(1000))],
      ['sort 1.txt', 'sort 5000.txt'],
    );
    assert.deepEqual(segment.delta(999), { depGroups: ['d'], arrayIndex: '1000' });
    assert.deepEqual(JSON.parse(segment.deltaJson(0)), { depGroups: ['d'], arrayIndex: '1' });
    assert.deepEqual([segment.priority(5), segment.templateId(5), segment.templateIndex(5)], [9, 3, 0]);
    assert.deepEqual(
      Buffer.from(segment.key(1000)),
      Buffer.from(jobKey('sort 5000.txt', DEFAULT_JOB_OPTIONS)),
    );
    assert.equal(new Segment(pack('a {}', '1-2')).priority(0), null);
    assert.throws(() => segment.command(1001), RangeError);
  });

  it('costs its keys and little more', () => {
    assert.ok(pack('sort {}.txt', '1-10000').length < 16 * 10_000 + 100);
  });

  it('takes template ids in place', () => {
    const bytes = pack('a {}', '1-5');
    setTemplateIds(bytes, [77]);
    assert.equal(new Segment(bytes).templateId(4), 77);
  });

  it('stays one when jobs are taken out of it', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    for (let round = 0; round < 50; round += 1) {
      const bytes = pack('a {}', `1-${1 + pick(random, 60)}:${1 + pick(random, 3)}`, { priority: 4 });
      const whole = new Segment(bytes);
      const keep = Uint8Array.from({ length: whole.count }, () => pick(random, 3) % 2);
      const filtered = new Segment(filterSegment(bytes, keep));
      const kept = Array.from({ length: whole.count }, (_, i) => i).filter((i) => keep[i] === 1);
      assert.equal(filtered.count, kept.length, `seed ${seed}`);
      for (const [at, from] of kept.entries()) {
        assert.equal(text(filtered.command(at)), text(whole.command(from)), `seed ${seed}`);
        assert.deepEqual(filtered.key(at), whole.key(from), `seed ${seed}`);
        assert.deepEqual(filtered.delta(at), whole.delta(from), `seed ${seed}`);
        assert.equal(filtered.priority(at), 4);
      }
    }
  });

  it('never reads beyond damaged bytes, but says that they are damaged', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const bytes = pack('a {} b', '1-20,40-50:2', { delta: '{"env":["A=1"]}' });
    for (let round = 0; round < 500; round += 1) {
      const damaged = bytes.slice(0, random() < 0.3 ? pick(random, bytes.length) : bytes.length);
      for (let i = 0; i < 3 && damaged.length > 0; i += 1)
        damaged[pick(random, damaged.length)] = pick(random, 256);
      try {
        const segment = new Segment(damaged);
        for (let job = 0; job < Math.min(segment.count, 100); job += 1) {
          segment.command(job);
          segment.delta(job);
          segment.key(job);
        }
      } catch (error) {
        assert.ok(error instanceof WrError && error.code.startsWith('STORE_'), `seed ${seed}: ${error}`);
      }
    }
  });
});
