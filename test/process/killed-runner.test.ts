import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { commandLine, isAlive, Place } from './harness.ts';

describe('a runner that was killed with its commands', () => {
  let place: Place;

  before(async () => {
    place = await Place.make();
    const tmp = join(place.dir, 'tmp');
    mkdirSync(tmp);
    await place.start([], { env: { TMPDIR: tmp } });
  });
  after(() => place?.remove());

  it('has the next one do what follows a failure, and remove what was theirs', async () => {
    const behaviours = ['--on_failure', `[{"run":"cat result >> ${place.work}/said"}]`];
    await place.add(
      [`pwd > ${place.work}/where; echo half > result; sleep 98764; true`],
      ['-i', 'k', ...behaviours],
    );
    const where = await place.until('it works', () => place.lines('where')[0]);
    await place.until('it is known to run', async () => {
      return (await place.job(['-i', 'k'])).State === 'running' || undefined;
    });
    // As a power cut of a node would: all at once, the runner first so that it tells of nothing.
    const all = place.processes().filter((pid) => pid !== place.pid);
    const runners = all.filter((pid) => commandLine(pid).includes(' runner '));
    for (const pid of [...runners, ...all]) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await place.until('they are gone', () => !all.some(isAlive) || undefined);
    assert.ok(runners.length > 0 && existsSync(where));
    await place.add(['true'], ['-i', 'next']);
    await place.settled('next', 1);
    await place.until('its directory is gone', () => !existsSync(where) || undefined);
    assert.deepEqual(place.lines('said'), ['half']);
    await place.until('of the temporary directories one is left, or none', () => {
      const left = readdirSync(join(place.dir, 'tmp')).filter((name) => name.startsWith('wr-runner-'));
      return left.length <= 1 || undefined;
    });
  });
});
