import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

describe('limit groups of real commands', () => {
  let place: Place;

  before(async () => {
    place = await Place.started(['--max_cores', '2']);
  });
  after(() => place?.remove());

  /** Marks when it runs, by way of one file for all: lines of it are whole, and in the order in which they were written. */
  const marking = (name: string, i: number): string =>
    `echo +${name} >> ${place.work}/marks; sleep 0.05; echo -${name} >> ${place.work}/marks; true ${i}`;

  const lines = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => marking(name, i));

  it('never run more at once than they may, through changes and a manager that is killed', async () => {
    const flags = ['--cpus', '0.1', '-m', '10M', '-o', 'always'];
    await place.add(lines('a', 25), ['-i', 'g', '-l', 'shared:2', ...flags]);
    await place.add(lines('b', 25), ['-i', 'g', '-l', 'shared,other:1', '-t', '2h', ...flags]);
    assert.equal((await place.ok(['limit'])).stdout, 'other: 1\nshared: 2\n');
    await place.until('some have run', () => place.lines('marks').length > 20 || undefined);
    await place.kill();
    await place.start(['--max_cores', '2']);
    assert.equal((await place.ok(['limit', '-g', 'shared'])).stdout, '2\n');
    const jobs = await place.settled('g', 50);
    assert.ok(jobs.every(({ State }) => State === 'complete'));
    assert.deepEqual(most(place.lines('marks')), { all: 2, a: 2, b: 1 });
    assert.deepEqual(jobs.find(({ LimitGroups }) => LimitGroups?.length === 2)?.LimitGroups, [
      'other:1',
      'shared',
    ]);
  });

  it('of 0 hold commands back until they are raised', async () => {
    await place.add(['true held'], ['-i', 'held', '-l', 'gate:0']);
    await place.add(['true free'], ['-i', 'free']);
    await place.settled('free', 1);
    assert.equal((await place.job(['-i', 'held'])).State, 'ready');
    assert.equal((await place.ok(['limit', '-g', 'gate:-1'])).stdout, '-1\n');
    await place.settled('held', 1);
    assert.equal((await place.ok(['limit', '-g', 'gate'])).stdout, '-1\n');
  });
});

describe('a report group of which too many commands fail', () => {
  it('is stopped, says why, and goes on when it is resumed', async () => {
    const place = await Place.started(['--max_cores', '1']);
    try {
      const lines = Array.from({ length: 30 }, (_, i) => `test -e ${place.work}/fixed; exit $? # ${i}`);
      await place.add(lines, ['-i', 'g', '--max-fails', '2', '-r', '0']);
      const counts = await place.until('it is stopped', async () => {
        const now = await place.counts(['-i', 'g']);
        return now.suspended !== 0 && now.running === 0 ? now : undefined;
      });
      assert.ok((counts.buried ?? 0) >= 2 && (counts.suspended ?? 0) >= 20, JSON.stringify(counts));
      const { stdout } = await place.ok(['status', '-i', 'g', '--suspended']);
      assert.match(
        stdout,
        /suspended, as its report group was stopped after \d+ burials \(--max_fails\); wr resume -i g/,
      );
      const { stderr } = await place.add(['true more'], ['-i', 'g']);
      assert.match(stderr, /report group "g" was stopped, as \d+ of its commands were buried/);
      place.write('fixed', '');
      await place.ok(['retry', '-i', 'g']);
      await place.ok(['resume', '-i', 'g']);
      const jobs = await place.settled('g', 31);
      assert.ok(jobs.every(({ State }) => State === 'complete'));
    } finally {
      await place.remove();
    }
  });
});

/** The most that ran at once, of all and of each name. */
function most(marks: readonly string[]): Record<string, number> {
  const running: Record<string, number> = { all: 0 };
  const peak: Record<string, number> = {};
  for (const mark of marks) {
    const step = mark.startsWith('+') ? 1 : -1;
    for (const name of ['all', mark.slice(1)]) {
      running[name] = (running[name] ?? 0) + step;
      peak[name] = Math.max(peak[name] ?? 0, running[name]);
    }
  }
  assert.equal(running.all, 0);
  return peak;
}
