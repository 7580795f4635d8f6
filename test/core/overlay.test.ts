import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Overlay, ownFields } from '../../core/overlay.ts';
import { Segment } from '../../core/segment.ts';
import { packSegment } from '../../core/segment-pack.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

const COUNT = 200;
const keyOf = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const keyWords = (n: number): Uint32Array => new Uint32Array(keyOf(n).buffer);

function segment(overlay: Overlay | null): Segment {
  const commands = Array.from({ length: COUNT }, (_, i) => Buffer.from(`echo ${i}`));
  const { bytes } = packSegment({
    count: COUNT,
    templateIds: [7],
    keys: Buffer.concat(commands.map((_, i) => keyOf(i))),
    commandLengths: commands.map((command) => command.length),
    commands: Buffer.concat(commands),
    templateIndex: null,
    priorities: Uint8Array.from({ length: COUNT }, (_, i) => i),
    deltas: commands.map((_, i) => JSON.stringify({ cwd: `/c${i}`, env: ['A=1'] })),
  });
  return new Segment(bytes, overlay);
}

describe('Overlay', () => {
  it('changes template, priority, what a job says itself, key and command, of the jobs named only', () => {
    const overlay = new Overlay(COUNT);
    overlay.setTemplate(2, 3, 0, ownFields({ cwd: '/x', priority: 4 }));
    overlay.setKeys(3, keyWords(99));
    overlay.setCommand(3, Buffer.from('other'));
    const read = segment(overlay);
    assert.deepEqual(
      [1, 2, 4, 5].map((job) => read.templateId(job)),
      [7, 0, 0, 7],
    );
    assert.deepEqual(
      [1, 2].map((job) => read.priority(job)),
      [1, null],
    );
    assert.deepEqual(
      [1, 2].map((job) => read.delta(job)),
      [{ cwd: '/c1', env: ['A=1'] }, { env: ['A=1'] }],
    );
    assert.equal(read.deltaJson(2), '{"env":["A=1"]}');
    assert.deepEqual(
      [2, 3].map((job) => read.key(job)[0]),
      [2, 99],
    );
    assert.equal(read.keys[3 * 16], 99);
    assert.deepEqual(
      [2, 3].map((job) => Buffer.from(read.command(job)).toString()),
      ['echo 2', 'other'],
    );
    assert.equal(read.isLike(1, 2), false);
  });

  it('reads back what it wrote, whatever was changed in whatever order', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    let overlay = new Overlay(COUNT);
    const fields = [
      ownFields({}),
      ownFields({ priority: 1 }),
      ownFields({ env: [] }),
      ownFields({ cwd: '' }),
    ];
    for (let step = 0; step < 60; step += 1) {
      const at = pick(random, COUNT);
      overlay.setTemplate(
        at,
        1 + pick(random, COUNT - at),
        pick(random, 5),
        fields[pick(random, 4)] as number,
      );
      if (random() < 0.5) overlay.setKeys(at, keyWords(pick(random, 256)));
      if (random() < 0.2) overlay.setCommand(at, Buffer.from(`cmd ${step}`));
      const read = Overlay.decode(overlay.encode());
      const [a, b] = [segment(overlay), segment(read)];
      for (let job = 0; job < COUNT; job += 1) {
        const shown = (of: Segment) =>
          [of.templateId(job), of.priority(job), of.deltaJson(job), of.key(job), of.command(job)].map(String);
        assert.deepEqual(shown(b), shown(a), `seed ${seed}, step ${step}, job ${job}`);
      }
      overlay = read;
    }
  });

  it('takes a few bytes for a million jobs that changed alike', () => {
    const overlay = new Overlay(1_000_000);
    overlay.setTemplate(0, 1_000_000, 3, 0);
    assert.ok(overlay.encode().byteLength < 40);
  });

  it('refuses what is damaged, of a later format, or of another segment', () => {
    const bytes = new Overlay(3).encode();
    assert.throws(() => Overlay.decode(Uint8Array.of(0x93, 2, 3, 0x90)), { code: 'STORE_NEWER' });
    assert.throws(() => Overlay.decode(Uint8Array.of(1)), { code: 'STORE_UNREADABLE' });
    assert.throws(() => segment(Overlay.decode(bytes)), { code: 'STORE_UNREADABLE' });
  });
});
