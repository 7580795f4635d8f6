import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

describe('wr mod', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('mends a buried command, which then completes, also after a restart', async () => {
    await place.add(['exit 3'], ['-i', 'mended', '-r', '0']);
    await place.add(['true waits'], ['-i', 'waiting', '--memory', '1P', '-p', '1']);
    const [buried] = await place.settled('mended', 1);
    const changed = await place.ok([
      'mod',
      '-y',
      '-i',
      buried?.Key ?? '',
      '--cmdline',
      'echo mended > ../mended.out; echo $X >> ../mended.out',
      '--env',
      'X=1',
      '--cwd',
      place.work,
    ]);
    assert.match(changed.stderr, /Modified 1 incomplete, non-running commands \(out of 1 eligible\)/);
    const [, before, now] = / (\w{32}) => (\w{32})\n/.exec(changed.stdout) ?? [];
    assert.equal(before, buried?.Key);
    await place.kill();
    await place.start();
    const job = await place.job(['-y', '-i', now ?? '']);
    assert.deepEqual([job.State, job.EnvOverrides], ['buried', ['X=1']]);
    await place.ok([
      'mod',
      '-i',
      'mended',
      '--cmdline',
      `echo mended > ${place.work}/mended.out; echo $X >> ${place.work}/mended.out`,
    ]);
    await place.ok(['retry', '-i', 'mended']);
    const [done] = await place.settled('mended', 1);
    assert.equal(done?.State, 'complete');
    assert.deepEqual(place.lines('mended.out'), ['mended', '1']);
  });

  it('makes fit what could never run', async () => {
    await place.add(['true huge'], ['-i', 'huge', '--memory', '1P']);
    await place.settled('huge', 1);
    await place.ok(['mod', '-i', 'huge', '-m', '10M']);
    await place.ok(['retry', '-i', 'huge']);
    const [done] = await place.settled('huge', 1);
    assert.equal(done?.State, 'complete');
  });

  it('says so when there is nothing to change', async () => {
    const { code, stderr } = await place.wr(['mod', '-i', 'nobody', '-m', '1G']);
    assert.equal(code, 1);
    assert.match(stderr, /No matching jobs found/);
  });
});
