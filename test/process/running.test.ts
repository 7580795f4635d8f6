import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { commandLine, isAlive, Place } from './harness.ts';

describe('a command that runs', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('shows within seconds what it uses and prints, and nothing of that once it has succeeded', async () => {
    const work = `printf 'begun\\n10%%\\r20%%\\r30%%\\r\\n'; echo hm >&2; i=0; while [ ! -e ${place.work}/go ]; do i=$((i+1)); done`;
    await place.add([work], ['-i', 'live', '--memory', '100M']);
    const job = await place.until('it shows its output', async () => {
      const found = await place.job(['-i', 'live']);
      return found.StdOut === '' ? undefined : found;
    });
    assert.deepEqual([job.State, job.StdOut, job.StdErr], ['running', 'begun\n10%\n[...]\n30%', 'hm']);
    assert.ok(job.PeakRAM > 0 && job.CPUtime > 0 && job.Walltime < 30, JSON.stringify(job));
    const { stdout } = await place.ok(['status', '-i', 'live']);
    assert.match(stdout, /Stats: \{ Peak memory: [1-9]\d*MB; .*CPU time: (?!0s)/);
    assert.match(stdout, /StdOut:\nbegun\n10%\n\[\.\.\.\]\n30%\nStdErr:\nhm\n/);
    place.write('go', '');
    const [ended] = await place.settled('live', 1);
    assert.deepEqual([ended?.State, ended?.StdOut, ended?.StdErr], ['complete', '', '']);
  });

  it('has nothing open but its standard streams', async () => {
    await place.add(['ls /proc/$$/fd; exit 5'], ['-i', 'open', '-r', '0']);
    const [ended] = await place.settled('open', 1);
    assert.deepEqual(ended?.StdOut.split('\n'), ['0', '1', '2']);
  });

  it('is ended with all that came of it, and tried again, when its runner is told to stop', async () => {
    const daemon = `(setsid sh -c 'echo $$ >> ${place.work}/stop.pids; exec sleep 98765' &)`;
    const stubborn = `sh -c 'trap "" TERM; echo $$ >> ${place.work}/stop.pids; sleep 98766; sleep 98766'`;
    await place.add([`${daemon}; ${stubborn} & wait`], ['-i', 'stop']);
    const pids = await place.until('both are there', () => {
      const lines = place.lines('stop.pids').map(Number);
      return lines.length === 2 ? lines : undefined;
    });
    await place.until('it is known to run', async () => {
      return (await place.job(['-i', 'stop'])).State === 'running' || undefined;
    });
    const runners = place.processes().filter((pid) => commandLine(pid).includes(' runner '));
    for (const pid of runners) process.kill(pid, 'SIGTERM');
    const job = await place.until('it waits for its next attempt', async () => {
      const found = await place.job(['-i', 'stop']);
      return found.State === 'delayed' ? found : undefined;
    });
    assert.deepEqual([job.FailReason, job.Exitcode], ['runner received a signal to stop', -1]);
    assert.deepEqual([...pids, ...runners].filter(isAlive), []);
  });
});
