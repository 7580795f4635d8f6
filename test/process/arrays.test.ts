import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

describe('arrays of commands', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('run once for each index, which each finds in its text and in its environment', async () => {
    const out = join(place.work, 'out');
    const added = await place.ok([
      'add',
      '--array',
      '1-9:4,20',
      '-i',
      'a',
      `echo {} $WR_ARRAY_INDEX >> ${out}`,
    ]);
    assert.match(added.stderr, /Added 4 new commands \(0 were duplicates\)/);
    await place.add(
      [JSON.stringify({ cmd: `echo env $WR_ARRAY_INDEX >> ${out}`, array: '3-4' })],
      ['-i', 'b'],
    );
    await place.add([`echo none "\${WR_ARRAY_INDEX-unset}" >> ${out}`], ['-i', 'c']);
    const jobs = [
      ...(await place.settled('a', 4)),
      ...(await place.settled('b', 2)),
      ...(await place.settled('c', 1)),
    ];
    assert.ok(jobs.every(({ State }) => State === 'complete'));
    assert.deepEqual(jobs.map(({ ArrayIndex }) => ArrayIndex).sort(), [1, 20, 3, 4, 5, 9, null]);
    assert.deepEqual(place.lines('out').sort(), [
      '1 1',
      '20 20',
      '5 5',
      '9 9',
      'env 3',
      'env 4',
      'none unset',
    ]);
    const again = await place.ok(['add', '--array', '1-5', '-i', 'a', `echo {} $WR_ARRAY_INDEX >> ${out}`]);
    assert.match(again.stderr, /Added 3 new commands \(2 were duplicates\)/);
  });

  it('of a million outlive a manager that is killed, and can be asked about one by one', async () => {
    await place.ok(['add', '--array', '1-1000000', '-i', 'million', '--cpus', '100000', 'true {}']);
    await place.kill();
    await place.start();
    const counts = await place.counts(['-i', 'million']);
    assert.equal((counts.ready ?? 0) + (counts.buried ?? 0), 1_000_000);
    const one = await place.job(['-l', 'true 777777']);
    assert.deepEqual([one.ArrayIndex, one.RepGroup], [777_777, 'million']);
  });
});
