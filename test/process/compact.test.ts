import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

describe('wr manager compact', () => {
  let place: Place;

  before(async () => {
    place = await Place.make();
  });
  after(() => place?.remove());

  it('wants a database, and refuses what is none, untouched', async () => {
    const none = await place.wr(['manager', 'compact']);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /there is no database .*db to be compacted/);
    await place.start(['--scheduler', 'none']);
    await place.stop();
    const database = readFileSync(place.file('db'));
    writeFileSync(
      place.file('db'),
      'mine, and long enough to be read as if it were a database of somebody else',
    );
    const foreign = await place.wr(['manager', 'compact']);
    assert.equal(foreign.code, 1);
    assert.match(foreign.stderr, /is no database of wr/);
    assert.match(readFileSync(place.file('db'), 'utf8'), /^mine/);
    writeFileSync(place.file('db'), database);
  });

  it('makes the database of a stopped manager smaller, and only then', async () => {
    await place.start(['--scheduler', 'none']);
    await place.add(Array.from({ length: 60_000 }, (_, i) => `echo ${i}`));
    await place.add(['echo kept'], ['-i', 'kept']);
    const running = await place.wr(['manager', 'compact']);
    assert.equal(running.code, 1);
    assert.match(running.stderr, new RegExp(`a manager is running with pid ${place.pid}`));
    await place.ok(['remove', '-i', 'manually_added']);
    await place.stop();
    const before = statSync(place.file('db')).size;
    const { stdout } = await place.ok(['manager', 'compact']);
    assert.match(stdout, /^Compacted \S+\/db: \d+\.\d MB before, \d+\.\d MB after\n$/);
    const { size, mode } = statSync(place.file('db'));
    assert.ok(size < before, `${size} of ${before}`);
    assert.ok(size < 500_000, `${size}: what was removed is gone`);
    assert.ok(!readFileSync(place.file('db')).includes('59999'), 'its texts too');
    assert.equal(mode & 0o777, 0o600);
    await place.start(['--scheduler', 'none']);
    assert.equal((await place.job(['-i', 'kept'])).State, 'ready');
    await place.stop();
  });
});
