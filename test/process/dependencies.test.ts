import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Place } from './harness.ts';

/** A runner that lost its manager looks for it after 15 s, then after up to 22.5 s each time. */
const RECONNECT_PATIENCE_MS = 120_000;

const SMALL = ['-r', '0', '-m', '50M', '--cpus', '0.25'];

function line(cmd: string, more: object): string {
  return JSON.stringify({ cmd, ...more });
}

describe('commands that wait for others', () => {
  it('run in order, wait for late members over a kill, and run again behind a new one', async () => {
    const place = await Place.started();
    try {
      const note = (word: string): string => `echo ${word} >> ${place.work}/order`;
      const added = await place.add(
        [
          line(note('report'), { deps: ['calls', 'later'], rep_grp: 'report' }),
          line(`sleep 0.3; ${note('call-1')}`, { dep_grps: ['calls'], deps: ['maps'] }),
          line(`sleep 0.2; ${note('call-2')}`, { dep_grps: ['calls'], deps: ['maps'] }),
          line(`sleep 0.4; ${note('map')}`, { dep_grps: ['maps'] }),
          line(note('after-map'), { cmd_deps: [{ cmd: `sleep 0.4; ${note('map')}`, cwd: '' }] }),
        ],
        ['-i', 'pipeline', ...SMALL],
      );
      assert.match(added.stderr, /dependency group "later" has not been seen; dependent job\(s\) will wait/);
      await place.settled('pipeline', 4);
      const order = place.lines('order');
      assert.equal(order[0], 'map');
      assert.deepEqual([...order].sort(), ['after-map', 'call-1', 'call-2', 'map']);
      await place.kill();
      await place.start();
      const waiting = await place.job(['--missing_deps']);
      assert.deepEqual(waiting.WaitingForDepGroups, ['later']);
      assert.match((await place.ok(['status', '-i', 'report'])).stdout, /have not yet been seen: later/);
      await place.add([note('late')], ['-e', 'later', ...SMALL]);
      await place.settled('report', 1, RECONNECT_PATIENCE_MS);
      assert.deepEqual(place.lines('order').slice(4), ['late', 'report']);
      // Both are complete and archived or not: a new member of "maps" runs everything behind it again.
      const again = await place.add([note('map-2')], ['-e', 'maps', ...SMALL]);
      assert.match(again.stderr, /Added 4 new commands \(0 were duplicates\)/);
      await place.kill();
      await place.start();
      await place.until(
        'everything behind the new member ran again',
        () => Promise.resolve(place.lines('order').length === 10 || undefined),
        RECONNECT_PATIENCE_MS,
      );
      const rerun = place.lines('order').slice(6);
      assert.deepEqual([rerun[0], rerun[3]], ['map-2', 'report']);
    } finally {
      await place.remove();
    }
  });

  it('are refused when they would wait for each other, by name and with exit 1', async () => {
    const place = await Place.started(['--scheduler', 'none']);
    try {
      const file = place.write(
        'cycle',
        `${line('make a', { dep_grps: ['a'], deps: ['b'] })}\n${line('make b', { dep_grps: ['b'], deps: ['a'] })}\ntrue\n`,
      );
      const { code, stderr } = await place.wr(['add', '-f', file]);
      assert.equal(code, 1);
      assert.match(stderr, /"make [ab]" waits for "make [ab]" waits for "make [ab]"/);
      assert.deepEqual(await place.jobs(), []);
    } finally {
      await place.remove();
    }
  });
});
