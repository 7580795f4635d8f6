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

  it('leaves commands that still run to the manager, which ends them when asked to', async () => {
    const pidOf = async (mark: string): Promise<number> => {
      await place.add([`sleep ${mark}; true`], ['-i', mark]);
      await place.until('it is seen to run', async () => {
        const { State, PeakRAM } = await place.job(['-i', mark]);
        return (State === 'running' && PeakRAM > 0) || undefined;
      });
      const runner = place.processes().find((pid) => commandLine(pid).includes(' runner '));
      assert.ok(runner !== undefined);
      process.kill(runner, 'SIGKILL');
      await place.until('its runner is gone', () => !isAlive(runner) || undefined);
      const pid = place.processes().find((one) => commandLine(one).startsWith(`sleep ${mark}`));
      assert.ok(pid !== undefined, 'the command lives on');
      return pid;
    };
    const killed = await pidOf('98765');
    await place.wr(['kill', '-i', '98765']);
    await place.until('it is gone', () => !isAlive(killed) || undefined);
    const job = await place.until('it is buried', async () => {
      const found = await place.job(['-i', '98765']);
      return found.State === 'buried' ? found : undefined;
    });
    assert.equal(job.FailReason, 'killed by user request');
    const stopped = await pidOf('98766');
    await place.wr(['manager', 'stop']);
    assert.ok(!isAlive(stopped));
  });
});
