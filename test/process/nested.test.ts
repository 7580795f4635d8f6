/** Commands that call `wr` themselves, which was started as a file and is on nobody's PATH. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

describe('a command that adds commands', () => {
  let place: Place;
  /** What its user has: a configuration at home, and nothing in the environment. */
  const bare = {
    WR_CONFIG_DIR: undefined,
    WR_MANAGERDIR: undefined,
    WR_MANAGERPORT: undefined,
    WR_MANAGERWEB: undefined,
    WR_DEPLOYMENT: undefined,
  };

  before(async () => {
    place = await Place.started([], { deployment: 'development' });
    const { dir, clientPort, webPort } = place;
    const lines = [`managerdir: ${dir}/wr`, `managerport: ${clientPort}`, `managerweb: ${webPort}`];
    place.write('../.wr_config.development.yml', lines.map((line) => `${line}\n`).join(''));
  });
  after(() => place?.remove());

  it('reaches its own manager with another HOME and directory, and its commands run below the same --cwd', async () => {
    const inner = `echo "$PWD|$WR_JOB_CWD|$HOME" > ${place.work}/inner`;
    const outer = `cd / && echo '${inner}' | wr add -i inner 2> ${place.work}/said; echo "$HOME" > ${place.work}/home`;
    await place.ok(
      ['--deployment', 'development', 'add', '--change_home', '-i', 'outer', '--cwd', `${place.dir}/base`],
      {
        stdin: `${outer}\n`,
        env: bare,
      },
    );
    const [job] = await place.settled('outer', 1);
    assert.equal(job?.State, 'complete', job?.StdErr);
    const [nested] = await place.until('the inner one is complete', async () => {
      const jobs = await place.jobs(['-i', 'inner']);
      return jobs[0]?.State === 'complete' ? jobs : undefined;
    });
    assert.match(place.lines('said').join(), /Added 1 new commands/);
    const base = `${place.dir}/base`;
    const [[where = '', jobCwd, home] = []] = place.lines('inner').map((line) => line.split('|'));
    assert.deepEqual([nested?.CwdBase, jobCwd], [base, base]);
    assert.ok(where.startsWith(`${base}/wr_cwd/`), where);
    assert.notEqual(place.lines('home')[0], place.dir);
    assert.equal(home, place.lines('home')[0], 'it was added with that HOME');
  });
});
