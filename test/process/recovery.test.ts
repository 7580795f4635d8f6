import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { commandLine, isAlive, linesOf, Place, until, WR } from './harness.ts';

/** A runner that lost its manager looks for it after 15 s, then after up to 22.5 s each time. */
const RECONNECT_PATIENCE_MS = 120_000;

const SMALL = ['--cpus', '0.25', '-m', '50M', '-r', '0'];

/** Asserts that each command began once and ended once. */
function assertOnce(marks: readonly string[], commands: number): void {
  const wanted = Array.from({ length: commands }, (_, i) => [`end ${i}`, `start ${i}`]).flat();
  assert.deepEqual([...marks].sort(), wanted.sort());
}

/** Commands that mark their beginning and their end, and wait in between until a file exists. */
function marking(place: Place, name: string, count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) =>
      `cd ${place.work}; echo start ${i} >> ${name}; until test -e ${name}.go; do sleep 0.1; done; echo end ${i} >> ${name}`,
  );
}

describe('a manager that is killed', () => {
  it('takes its runner back: what ran goes on, what ended meanwhile is complete, and nothing runs twice', async () => {
    const place = await Place.started();
    try {
      // Small enough for any machine to run all four at once.
      await place.add(marking(place, 'on', 2), [...SMALL, '-i', 'goes-on']);
      await place.add(marking(place, 'down', 2), [...SMALL, '-i', 'ends-while-down']);
      await place.until('the manager knows of four that run', async () => {
        const jobs = await place.jobs(['-r']);
        return (jobs.length === 4 && jobs.every(({ State }) => State === 'running')) || undefined;
      });
      await place.kill();
      place.write('down.go', '');
      await until('two end while the manager is down', () => place.lines('down').length === 4 || undefined);
      await place.start();
      const running = await place.jobs(['-i', 'goes-on']);
      assert.deepEqual(new Set(running.map(({ State }) => State)), new Set(['running']));
      place.write('on.go', '');
      for (const group of ['goes-on', 'ends-while-down']) {
        const jobs = await place.settled(group, 2, RECONNECT_PATIENCE_MS);
        assert.deepEqual(
          jobs.map(({ State, Exitcode, Attempts }) => [State, Exitcode, Attempts]),
          [
            ['complete', 0, 1],
            ['complete', 0, 1],
          ],
        );
      }
      assertOnce(place.lines('on'), 2);
      assertOnce(place.lines('down'), 2);
    } finally {
      await place.remove();
    }
  });

  it('knows everything it has acknowledged, and runs each command once', async () => {
    const place = await Place.started();
    try {
      const count = 300;
      const lines = Array.from({ length: count }, (_, i) => `echo ${i} >> ${place.work}/ran`);
      const added = await place.add(lines, ['-i', 'acknowledged', '-r', '0']);
      await place.kill();
      assert.match(added.stderr, new RegExp(`Added ${count} new commands`));
      await place.start();
      const jobs = await place.settled('acknowledged', count, RECONNECT_PATIENCE_MS);
      assert.ok(jobs.every(({ State }) => State === 'complete'));
      assert.deepEqual(
        place
          .lines('ran')
          .map(Number)
          .sort((a, b) => a - b),
        Array.from({ length: count }, (_, i) => i),
      );
      // Completions are remembered over a kill too.
      await place.kill();
      await place.start();
      const again = await place.add(lines, ['-i', 'acknowledged']);
      assert.match(again.stderr, new RegExp(`Added 0 new commands \\(${count} were duplicates\\)`));
    } finally {
      await place.remove();
    }
  });
});

describe('an add that never came to its end', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('queues nothing when the client is killed half-way, and leaves nothing behind after a restart', async () => {
    // The pipe stays open: the client has sent all it got, and waits for more.
    const fifo = join(place.work, 'endless');
    await place.spawn('mkfifo', [fifo]).finished;
    const writer = place.spawn('sh', [
      '-c',
      `exec 3> ${fifo}; seq 1 200000 | sed 's/^/echo /' >&3; exec sleep 98764`,
    ]);
    const client = place.spawn(process.execPath, [WR, 'add', '-f', fifo, '-i', 'truncated']);
    // The writer execs sleep once everything it had to say was read.
    await place.until(
      'the client has read it all',
      () => commandLine(writer.pid).startsWith('sleep 98764') || undefined,
    );
    process.kill(client.pid, 'SIGKILL');
    await client.finished;
    process.kill(writer.pid, 'SIGKILL');
    await writer.finished;
    assert.deepEqual(await place.jobs(['-i', 'truncated']), []);
    // The manager is not bothered by it.
    await place.add(['true after'], ['-i', 'after']);
    await place.settled('after', 1);
    await place.kill();
    await place.start();
    assert.deepEqual(await place.jobs(['-i', 'truncated']), []);
    const { complete, ...others } = await place.counts();
    assert.equal(complete, 1);
    assert.ok(Object.values(others).every((count) => count === 0));
    // Nothing of it is taken for a duplicate.
    const added = await place.add(['echo 1', 'echo 200000'], ['-i', 'truncated']);
    assert.match(added.stderr, /Added 2 new commands \(0 were duplicates\)/);
  });
});

describe('a manager that is stopped', () => {
  it('buries what ran as killed, keeps what waited, and a plain SIGTERM leaves token and address for the next start', async () => {
    const place = await Place.started(['--max_cores', '1']);
    try {
      const [runs = '', waits = ''] = marking(place, 'term', 2);
      await place.add([runs], ['-i', 'runs']);
      await place.until(
        'it runs',
        async () => (await place.job(['-i', 'runs'])).State === 'running' || undefined,
      );
      await place.add([waits], ['-i', 'waits']);
      const token = readFileSync(place.file('client.token'), 'utf8');
      const { pid } = place;
      process.kill(pid, 'SIGTERM');
      await until('the manager has ended', () => !isAlive(pid) || undefined);
      assert.ok(!existsSync(place.file('pid')));
      assert.ok(existsSync(place.file('manager.addr')));
      const started = await place.start(['--max_cores', '1']);
      assert.match(started.stderr, /WARN\[.*the existing token in .*client\.token is used again/);
      assert.equal(readFileSync(place.file('client.token'), 'utf8'), token);
      const killed = await place.job(['-i', 'runs']);
      assert.deepEqual([killed.State, killed.FailReason], ['buried', 'killed by user request']);
      place.write('term.go', '');
      const [kept] = await place.settled('waits', 1);
      assert.equal(kept?.State, 'complete');
      assert.deepEqual(place.lines('term').sort(), ['end 1', 'start 0', 'start 1']);
      await place.stop();
      assert.ok(!existsSync(place.file('client.token')) && !existsSync(place.file('manager.addr')));
      const again = await place.wr(['manager', 'stop']);
      assert.equal(again.code, 1);
      assert.match(again.stderr, /does not seem to be running/);
    } finally {
      await place.remove();
    }
  });

  it('is the only one of its deployment', async () => {
    const place = await Place.started();
    try {
      const second = await place.wr(['manager', 'start']);
      assert.equal(second.code, 1);
      assert.match(
        second.stderr,
        new RegExp(`on port ${place.clientPort} is already running, with pid ${place.pid}`),
      );
      const foreground = await place.wr(['manager', 'start', '-f']);
      assert.equal(foreground.code, 1);
      assert.equal((await place.ok(['manager', 'status'])).stdout.split('\n')[0], 'started');
      assert.equal(Number(readFileSync(place.file('pid'), 'utf8')), place.pid);
      assert.equal(linesOf(place.file('log')).filter((line) => line.includes('started on')).length, 1);
    } finally {
      await place.remove();
    }
  });
});
