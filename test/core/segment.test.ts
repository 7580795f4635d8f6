import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobDelta } from '../../core/job-options.ts';
import { filterSegment, Segment, setTemplateIds } from '../../core/segment.ts';
import { packSegment } from '../../core/segment-pack.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

interface PlainJob {
  readonly key: Uint8Array;
  readonly cmd: Uint8Array;
  readonly template: number;
  readonly priority: number | null;
  readonly delta: JobDelta | null;
}

function pack(jobs: readonly PlainJob[], templates: number): Uint8Array {
  const deltas = jobs.map(({ delta }) => (delta === null ? '' : JSON.stringify(delta)));
  return packSegment({
    count: jobs.length,
    templateIds: Array.from({ length: templates }, (_, at) => at),
    keys: Buffer.concat(jobs.map(({ key }) => key)),
    commandLengths: jobs.map(({ cmd }) => cmd.length),
    commands: Buffer.concat(jobs.map(({ cmd }) => cmd)),
    templateIndex: templates > 1 ? jobs.map(({ template }) => template) : null,
    priorities: jobs.some(({ priority }) => priority !== null)
      ? Uint8Array.from(jobs, ({ priority }) => priority ?? 0)
      : null,
    deltas: deltas.some((delta) => delta !== '') ? deltas : null,
  }).bytes;
}

function unpack(bytes: Uint8Array): PlainJob[] {
  const segment = new Segment(bytes);
  return Array.from({ length: segment.count }, (_, job) => ({
    key: Uint8Array.from(segment.key(job)),
    cmd: Uint8Array.from(segment.command(job)),
    template: segment.templateId(job),
    priority: segment.priority(job),
    delta: segment.delta(job),
  }));
}

function makeJobs(
  random: () => number,
  count: number,
  templates: number,
  shape: { priorities: boolean; deltas: boolean; longest: number },
) {
  const bytes = (length: number) => Uint8Array.from({ length }, () => pick(random, 256));
  return Array.from(
    { length: count },
    (): PlainJob => ({
      key: bytes(16),
      cmd: bytes(1 + pick(random, shape.longest)),
      template: templates > 1 ? pick(random, templates) : 0,
      priority: shape.priorities ? pick(random, 256) : null,
      delta:
        shape.deltas && random() < 0.5
          ? { depGroups: [`é${pick(random, 1000)}`], cwd: 'x'.repeat(pick(random, 40)) }
          : null,
    }),
  );
}

describe('a segment', () => {
  it('gives back every job it was packed from, whatever columns it has', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    for (let turn = 0; turn < 60; turn += 1) {
      const templates = [1, 2, 256, 257, 65_537][pick(random, 5)] as number;
      const shape = {
        priorities: random() < 0.5,
        deltas: random() < 0.5,
        longest: random() < 0.1 ? 70_000 : 50,
      };
      const jobs = makeJobs(random, 1 + pick(random, 40), templates, shape);
      const bytes = pack(jobs, templates);
      assert.deepEqual(unpack(bytes), jobs, `seed ${seed}`);
      // From a database it may begin at an odd place.
      const moved = Buffer.alloc(bytes.length + 3).subarray(3);
      moved.set(bytes);
      assert.deepEqual(unpack(moved), jobs, `seed ${seed}`);
      const keep = Uint8Array.from(jobs, () => pick(random, 2));
      assert.deepEqual(
        unpack(filterSegment(bytes, keep)),
        jobs.filter((_, at) => keep[at] === 1),
        `seed ${seed}`,
      );
    }
  });

  it('costs a plain job its command and 18 bytes', () => {
    const jobs = makeJobs(seeded(1), 1000, 1, { priorities: false, deltas: false, longest: 20 });
    const commandBytes = jobs.reduce((sum, { cmd }) => sum + cmd.length, 0);
    assert.equal(pack(jobs, 1).length, 28 + commandBytes + 18 * 1000);
  });

  it('takes template ids in place', () => {
    const jobs = makeJobs(seeded(2), 10, 2, { priorities: true, deltas: false, longest: 20 });
    const bytes = pack(jobs, 2);
    setTemplateIds(bytes, [70_000, 4_000_000_000]);
    const segment = new Segment(bytes);
    assert.deepEqual([...segment.templateIds], [70_000, 4_000_000_000]);
    const ids = jobs.map(({ template }) => [70_000, 4_000_000_000][template]);
    assert.deepEqual(
      jobs.map((_, job) => segment.templateId(job)),
      ids,
    );
    assert.throws(() => setTemplateIds(bytes, [1]), RangeError);
    assert.deepEqual(
      [...new Segment(filterSegment(bytes, new Uint8Array(10))).templateIds],
      [70_000, 4_000_000_000],
    );
  });

  it('holds deltas longer than 64 KiB', () => {
    const delta = { env: [`A=${'x'.repeat(70_000)}`] };
    const job: PlainJob = {
      key: new Uint8Array(16),
      cmd: Uint8Array.of(97),
      template: 0,
      priority: null,
      delta,
    };
    assert.deepEqual(unpack(pack([job, { ...job, delta: null }], 1)), [job, { ...job, delta: null }]);
  });

  it('refuses jobs it does not have', () => {
    const segment = new Segment(
      pack(makeJobs(seeded(3), 3, 1, { priorities: true, deltas: true, longest: 9 }), 1),
    );
    for (const job of [-1, 3, Number.NaN]) {
      assert.throws(() => segment.key(job), RangeError);
      assert.throws(() => segment.command(job), RangeError);
      assert.throws(() => segment.templateId(job), RangeError);
      assert.throws(() => segment.priority(job), RangeError);
      assert.throws(() => segment.delta(job), RangeError);
    }
  });

  it('never reads beyond damaged bytes, but says that they are damaged', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const jobs = makeJobs(random, 30, 3, { priorities: true, deltas: true, longest: 30 });
    const whole = pack(jobs, 3);
    for (let turn = 0; turn < 3000; turn += 1) {
      const bytes = Uint8Array.from(random() < 0.2 ? whole.subarray(0, pick(random, whole.length)) : whole);
      for (let hits = 1 + pick(random, 3); hits > 0; hits -= 1) {
        // Mostly the header and the columns of lengths, where it hurts.
        bytes[random() < 0.5 ? pick(random, 40) : pick(random, bytes.length)] = pick(random, 256);
      }
      try {
        for (const job of unpack(bytes)) assert.equal(job.key.length, 16);
      } catch (error) {
        const code = (error as { code?: string }).code;
        assert.ok(code === 'STORE_UNREADABLE' || code === 'STORE_NEWER', `seed ${seed}: ${error}`);
      }
    }
  });
});
