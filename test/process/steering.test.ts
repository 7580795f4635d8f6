import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { isAlive, Place } from './harness.ts';

describe('a manager that is told to hold', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  const mode = async (): Promise<string | undefined> =>
    (await place.ok(['manager', 'status'])).stdout.split('\n')[0];

  const running = (repGroup: string): Promise<true> =>
    place.until(
      `${repGroup} runs`,
      async () => (await place.job(['-i', repGroup])).State === 'running' || undefined,
    );

  it('suspends what waits, also over a restart, and completes it once it is resumed', async () => {
    await place.ok(['manager', 'pause']);
    await place.add(['true 1', 'true 2', 'true 3'], ['-i', 'held']);
    const suspended = await place.ok(['suspend', '-i', 'held']);
    assert.equal(suspended.stdout, 'Suspended 3 queued commands (out of 3 matching)\n');
    await place.kill();
    await place.start();
    assert.equal(await mode(), 'paused');
    await place.ok(['manager', 'resume']);
    assert.equal((await place.counts(['-i', 'held'])).suspended, 3);
    const one = await place.ok(['resume', '-l', 'true 2']);
    assert.equal(one.stdout, 'Resumed 1 suspended commands (out of 1 matching)\n');
    await place.until(
      'one is complete',
      async () => (await place.counts(['-i', 'held'])).complete === 1 || undefined,
    );
    assert.equal((await place.counts(['-i', 'held'])).suspended, 2);
    await place.ok(['resume', '-z', '-i', 'el']);
    await place.settled('held', 3);
  });

  it('starts nothing while it is paused, lets go on what runs, and tells so', async () => {
    await place.add(
      [`test -e ${place.work}/go || { until test -e ${place.work}/go; do sleep 0.1; done; }`],
      ['-i', 'first'],
    );
    await running('first');
    const paused = await place.ok(['manager', 'pause']);
    assert.match(
      paused.stderr,
      /is paused; 1 command is still running, which should end in less than (1h0m0s|59m)/,
    );
    assert.equal(await mode(), 'paused');
    await place.add(['true after'], ['-i', 'second']);
    place.write('go', '');
    await place.settled('first', 1);
    assert.equal((await place.job(['-i', 'second'])).State, 'ready');
    assert.match((await place.ok(['manager', 'resume'])).stderr, /has resumed/);
    await place.settled('second', 1);
  });

  it('copies its database whole while it works, and touches no file of yours', async () => {
    await place.add(['exit 3'], ['-i', 'copied', '-r', '0']);
    await place.settled('copied', 1);
    const path = place.write('copy', 'old');
    writeFileSync(`${path}.tmp`, 'mine');
    const { stdout, stderr } = await place.ok(['manager', 'backup', '-p', 'copy']);
    assert.deepEqual([stdout, stderr], ['', '']);
    assert.equal(readFileSync(`${path}.tmp`, 'utf8'), 'mine');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const self = await place.wr(['manager', 'backup', '-p', place.file('db')]);
    assert.equal(self.code, 1);
    assert.match(self.stderr, /is the database itself/);
    assert.equal((await place.counts(['-i', 'copied'])).buried, 1);
  });

  it('drains: what runs comes to its end, then it stops, and what waited runs after the next start', async () => {
    await place.add([`until test -e ${place.work}/end; do sleep 0.1; done`], ['-i', 'last']);
    await running('last');
    const { pid } = place;
    assert.match((await place.ok(['manager', 'drain'])).stderr, /is draining; 1 command is still running/);
    await place.add(['true waits'], ['-i', 'waits']);
    assert.match((await place.ok(['manager', 'drain'])).stderr, /is draining; 1 command is still running/);
    assert.equal(await mode(), 'draining');
    const refused = await place.wr(['manager', 'pause']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is draining: it cannot pause/);
    place.write('end', '');
    await place.until('it has stopped', () => !isAlive(pid) || undefined);
    assert.ok(existsSync(place.file('client.token')), 'the next start uses the token again');
    await place.start();
    assert.equal((await place.job(['-i', 'last'])).State, 'complete');
    await place.settled('waits', 1);
  });

  it('drains at once when nothing runs, and takes token and address away', async () => {
    const { pid } = place;
    const { stderr } = await place.ok(['manager', 'drain']);
    assert.match(stderr, /is drained: no commands are running, so it stops right away/);
    assert.equal(isAlive(pid), false);
    assert.equal(existsSync(place.file('client.token')), false);
    assert.equal((await place.ok(['manager', 'status'])).stdout, 'stopped\n');
  });
});
