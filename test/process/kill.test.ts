import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { commandLine, isAlive, Place } from './harness.ts';

describe('killing what runs', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  /** Waits until so many lines with a process id each were written to a file. */
  const pidsOf = (file: string, count: number): Promise<number[]> =>
    place.until(`${count} processes are in ${file}`, () => {
      const pids = place.lines(file).map(Number);
      return pids.length === count ? pids : undefined;
    });

  /** Waits until the manager knows that the one command of a report group runs: it kills nothing else. */
  const known = (repGroup: string): Promise<true> =>
    place.until(
      `${repGroup} runs`,
      async () => (await place.job(['-i', repGroup])).State === 'running' || undefined,
    );

  const running = (word: string): number[] =>
    place.processes().filter((pid) => commandLine(pid).includes(word));

  it('takes the whole tree: a child that ignores SIGTERM, one in a session of its own, and their children', async () => {
    const member = (trap: string): string => `sh -c '${trap}echo $$ >> ../tree.pids; sleep 98761; true'`;
    const command = `cd ${place.work}/unused; ${member('trap "" TERM; ')} & setsid ${member('')} & echo $$ >> ../tree.pids; wait`;
    await place.add([`mkdir -p ${place.work}/unused; ${command}`], ['-i', 'tree', '-r', '3']);
    const pids = await pidsOf('tree.pids', 3);
    await place.until('both sleep', () => running('sleep 98761').length >= 2 || undefined);
    await known('tree');
    const { stderr } = await place.ok(['kill', '-i', 'tree']);
    assert.match(stderr, /Initiated the termination of 1 running commands \(out of 1 eligible\)/);
    const [job] = await place.settled('tree', 1);
    assert.deepEqual([job?.State, job?.FailReason, job?.Exitcode], ['buried', 'killed by user request', -1]);
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(running('98761'), []);
  });

  it('kills only what was named, and what it killed can be retried', async () => {
    const command = (name: string): string =>
      `echo $$ >> ${place.work}/${name}.pids; test -e ${place.work}/go || exec sleep 98762 ${name === 'kept' ? '0' : ''}`;
    await place.add([command('named')], ['-i', 'named', '--cpus', '0', '-r', '0']);
    await place.add([command('kept')], ['-i', 'kept', '--cpus', '0', '-r', '0']);
    await Promise.all([pidsOf('named.pids', 1), pidsOf('kept.pids', 1)]);
    await known('named');
    await place.ok(['kill', '-i', 'named']);
    await place.settled('named', 1);
    await place.until('the other one sleeps on', () => running('98762').length === 1 || undefined);
    place.write('go', '');
    await place.ok(['retry', '-i', 'named']);
    const job = await place.until('it is complete', async () => {
      const found = await place.job(['-i', 'named']);
      return found.State === 'complete' ? found : undefined;
    });
    assert.equal(job.Attempts, 2);
    await known('kept');
    await place.ok(['kill', '-a']);
    const [kept] = await place.settled('kept', 1);
    assert.equal(kept?.FailReason, 'killed by user request');
  });

  it('says so when there is nothing to kill', async () => {
    const nobody = await place.wr(['kill', '-i', 'nobody']);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /No matching jobs found/);
    const unselected = await place.wr(['kill']);
    assert.equal(unselected.code, 1);
    assert.match(unselected.stderr, /-f.*-i.*-l|--file.*--identifier.*--cmdline/s);
  });

  it('kills what still runs when the manager is stopped, and buries it as killed', async () => {
    await place.add([`echo $$ >> ${place.work}/stop.pids; sleep 98763; true`], ['-i', 'stopped']);
    const pids = await pidsOf('stop.pids', 1);
    await place.stop();
    assert.deepEqual([...pids.filter(isAlive), ...running('98763')], []);
    await place.start();
    const job = await place.job(['-i', 'stopped']);
    assert.deepEqual([job.State, job.FailReason], ['buried', 'killed by user request']);
  });
});
