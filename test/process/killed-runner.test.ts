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

  /** A command with something to do after its failure, at work. @returns its directory and all processes but the manager */
  const atWork = async (repGroup: string, sleep: number): Promise<{ where: string; all: number[] }> => {
    const behaviours = ['--on_failure', `[{"run":"cat result >> ${place.work}/said-${repGroup}"}]`];
    await place.add(
      [`pwd > ${place.work}/where-${repGroup}; echo half > result; sleep ${sleep}; true`],
      ['-i', repGroup, '-r', '0', ...behaviours],
    );
    const where = await place.until('it works', () => place.lines(`where-${repGroup}`)[0]);
    await place.until('it is known to run', async () => {
      return (await place.job(['-i', repGroup])).State === 'running' || undefined;
    });
    return { where, all: place.processes().filter((pid) => pid !== place.pid) };
  };

  /** As a power cut of a node would: all at once, the runner first so that it tells of nothing. */
  const cut = async (all: readonly number[]): Promise<void> => {
    const runners = all.filter((pid) => commandLine(pid).includes(' runner '));
    assert.ok(runners.length > 0);
    for (const pid of [...runners, ...all]) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await place.until('they are gone', () => !all.some(isAlive) || undefined);
  };

  const isTidied = async (repGroup: string, where: string): Promise<void> => {
    await place.until('its directory is gone', () => !existsSync(where) || undefined);
    assert.deepEqual(place.lines(`said-${repGroup}`), ['half']);
    await place.until('of the temporary directories one is left, or none', () => {
      const left = readdirSync(join(place.dir, 'tmp')).filter((name) => name.startsWith('wr-runner-'));
      return left.length <= 1 || undefined;
    });
  };

  it('has another do what follows a failure, and remove what was theirs, also when nothing more is to run', async () => {
    const { where, all } = await atWork('k', 98_764);
    await cut(all);
    await isTidied('k', where);
    assert.equal((await place.job(['-i', 'k'])).FailReason, 'lost contact with runner');
  });

  it('has another do so after a restart of the manager, which was killed, too', async () => {
    const { where, all } = await atWork('m', 98_763);
    await place.kill();
    await cut(all);
    await place.start([], { env: { TMPDIR: join(place.dir, 'tmp') } });
    await isTidied('m', where);
    assert.equal((await place.job(['-i', 'm'])).State, 'buried');
  });

  /** A command, and processes that came of it, whose runner is killed when the manager has just heard of it. */
  const forsaken = async (mark: string): Promise<readonly number[]> => {
    const stubborn = `sh -c 'trap "" TERM; sleep ${mark}; true'`;
    const daemon = `(setsid sleep ${mark} > /dev/null 2>&1 < /dev/null &)`;
    await place.add([`${daemon}; ${stubborn}; true`], ['-i', mark, '--memory', '10M', '-r', '0']);
    const sleeping = (): number[] =>
      place.processes().filter((pid) => commandLine(pid).startsWith(`sleep ${mark}`));
    await place.until('both sleep', () => sleeping().length === 2 || undefined);
    await place.until('it is known to run', async () => {
      return (await place.job(['-i', mark])).State === 'running' || undefined;
    });
    const runner = place.processes().find((pid) => commandLine(pid).includes(' runner '));
    assert.ok(runner !== undefined);
    process.kill(runner, 'SIGKILL');
    await place.until('its runner is gone', () => !isAlive(runner) || undefined);
    await place.until(
      'its loss is known at once',
      async () => {
        return (await place.job(['-i', mark])).State === 'lost' || undefined;
      },
      20_000,
    );
    return sleeping();
  };

  const buried = (repGroup: string) =>
    place.until('it is buried', async () => {
      const found = await place.job(['-i', repGroup]);
      return found.State === 'buried' ? found : undefined;
    });

  it('leaves what still runs to the manager, which ends all of it when asked to', async () => {
    const pids = await forsaken('98765');
    assert.equal(pids.length, 2);
    const { stderr } = await place.ok(['kill', '-i', '98765']);
    assert.match(stderr, /termination of 1 running commands \(out of 1 eligible\)/);
    assert.equal((await buried('98765')).FailReason, 'killed by user request');
    assert.deepEqual(pids.filter(isAlive), []);
  });

  it('has what still runs ended when the manager is killed, started again and asked to', async () => {
    const pids = await forsaken('98766');
    await place.kill();
    await place.start();
    const { Key } = await place.job(['-i', '98766']);
    const { stdout } = await place.ok(['explain', Key]);
    assert.match(stdout, /has not been heard of for \d{1,2}s/);
    await place.ok(['kill', '-i', '98766']);
    await buried('98766');
    assert.deepEqual(pids.filter(isAlive), []);
  });

  it('has what still runs ended when the manager is stopped', async () => {
    const pids = await forsaken('98767');
    await place.stop();
    assert.deepEqual(pids.filter(isAlive), []);
    await place.start();
    assert.equal((await place.job(['-i', '98767'])).FailReason, 'killed by user request');
  });

  it('has its command settled at once when that is gone, too', async () => {
    const [pid = 0, ...others] = await forsaken('98768');
    for (const each of [pid, ...others]) process.kill(each, 'SIGKILL');
    const shells = place.processes().filter((each) => commandLine(each).includes('sleep 98768'));
    for (const each of shells) if (isAlive(each)) process.kill(each, 'SIGKILL');
    const job = await buried('98768');
    assert.equal(job.FailReason, 'lost contact with runner');
  });
});
