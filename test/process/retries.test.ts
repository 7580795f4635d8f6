import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { StatusJob } from '../../core/status-job.ts';
import { commandLine, isAlive, Place } from './harness.ts';

/** A TTR, and what the manager takes to notice that it is over. */
const LOST_MS = 120_000;

const runnersOf = (place: Place): number[] =>
  place.processes().filter((pid) => commandLine(pid).includes(' runner '));

const inState = (place: Place, repGroup: string, state: string): Promise<StatusJob> =>
  place.until(`${repGroup} is ${state}`, async () => {
    const job = await place.job(['-i', repGroup]);
    return job.State === state ? job : undefined;
  });

/** Kills a place's runners and all that they started, at once, as a power cut would. */
async function cutPower(place: Place): Promise<void> {
  const all = place.processes().filter((pid) => pid !== place.pid);
  const runners = runnersOf(place);
  for (const pid of [...runners, ...all]) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await place.until('all of it is gone', () => !all.some(isAlive) || undefined);
}

describe('commands that fail', () => {
  let place: Place;
  /** Where a command gets lost while the others are looked at. */
  let dark: Place;

  before(async () => {
    dark = await Place.started();
    await dark.add(['sleep 98771; true'], ['-i', 'lost', '-r', '1']);
    await inState(dark, 'lost', 'running');
    await cutPower(dark);
    place = await Place.started();
  });
  after(() => Promise.all([place?.remove(), dark?.remove()]));

  it('are tried again after a while, but not when they ran for longer than --no_retry_over_walltime', async () => {
    await place.add(['sleep 0.3; exit 3'], ['-i', 'long', '-r', '3', '-n', '100ms']);
    await place.add(['exit 4'], ['-i', 'short', '-r', '3', '-n', '1h']);
    const [long] = await place.settled('long', 1);
    assert.deepEqual([long?.State, long?.Exitcode, long?.Attempts], ['buried', 3, 1]);
    assert.equal(long?.FailReason, 'command exited non-zero');
    const short = await inState(place, 'short', 'delayed');
    assert.deepEqual([short.Exitcode, short.FailReason], [4, 'command exited non-zero']);
    const delay = (short.Ready ?? 0) - (short.Ended ?? 0);
    assert.ok(delay >= 29 && delay <= 62, `${delay} s after the first attempt`);
  });

  it('for want of time when their runner is told to stop are given an hour more', async () => {
    await place.add(['sleep 98772; true'], ['-i', 'slow', '-t', '1s', '-o', 'higher']);
    const started = await inState(place, 'slow', 'running');
    await place.until(
      'its time is over',
      () => Date.now() / 1000 > (started.Started ?? 0) + 2.5 || undefined,
    );
    for (const pid of runnersOf(place)) process.kill(pid, 'SIGTERM');
    const job = await inState(place, 'slow', 'delayed');
    assert.deepEqual([job.FailReason, job.Exitcode, job.Attempts], ['command used too much time', -1, 1]);
    assert.equal(job.ExpectedTime, 3_660);
    assert.deepEqual(job.ExpectedFrom.Time, { From: 'grown', Asked: 1, Runs: 1 });
    const { stdout } = await place.ok(['status', '-i', 'slow', '-o', 'details']);
    assert.match(stdout, /time: an attempt that ran out, instead of 1s;/);
    await place.ok(['remove', '-i', 'slow']);
  });

  it('and those that succeed teach what the next ones of their requirement group are given, over a kill −9', async () => {
    const taught = ['-g', 'taught', '-i', 'first', '-m', '500M', '-t', '3h'];
    await place.add(['sleep 2.1; true', 'sleep 2.2; true'], taught);
    await place.settled('first', 2);
    await place.until('it was learned from', async () => {
      const { stdout } = await place.ok(['add', '--dry_run', '--output', 'json', '-g', 'taught'], {
        stdin: 'new\n',
      });
      return stdout.includes('"From":"learned"') || undefined;
    });
    await place.kill();
    await place.start();
    await place.add(['sleep 98773; true'], ['-g', 'taught', '-i', 'second', '-m', '500M', '-t', '3h']);
    const job = await inState(place, 'second', 'running');
    // A busy machine may take longer, but not hours.
    assert.ok(job.ExpectedTime >= 3 && job.ExpectedTime < 600, `${job.ExpectedTime} s`);
    assert.equal(job.ExpectedRAM, 100);
    assert.deepEqual(job.ExpectedFrom.Time, { From: 'learned', Asked: 10_800, Runs: 2 });
    const { stdout } = await place.ok(['status', '-i', 'second', '-o', 'details']);
    assert.match(
      stdout,
      /memory: [12] runs? of taught, instead of 500MB; time: 2 runs of taught, instead of 3h0m0s;/,
    );
    await place.ok(['kill', '-i', 'second']);
  });

  it('with their runner are lost after a minute of silence, and tried again', async () => {
    const job = await dark.until(
      'it was given up',
      async () => {
        const found = await dark.job(['-i', 'lost']);
        return found.State === 'running' || found.State === 'lost' ? undefined : found;
      },
      LOST_MS,
    );
    assert.deepEqual(
      [job.State, job.FailReason, job.Exitcode, job.Attempts],
      ['delayed', 'lost contact with runner', -1, 1],
    );
  });
});
