/** Commands whose runners were killed, on this host and, over a real ssh, on one that passes for another. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { schedulerGroupOf } from '../../core/requirements.ts';
import { Sshd, withoutSshd } from '../server/sshd.ts';
import { commandLine, isAlive, Place, WR } from './harness.ts';

const GROUP = schedulerGroupOf(DEFAULT_JOB_OPTIONS);
/** Silence counts after a minute. */
const SILENT_MS = 120_000;

describe('a command whose runner was killed', { skip: withoutSshd() }, () => {
  let sshd: Sshd;
  let place: Place;

  before(async () => {
    sshd = await Sshd.start(['far']);
    place = await Place.make();
    // What is called ssh stands there.
    const PATH = `${sshd.dir}:${process.env.PATH}`;
    await place.start(['--scheduler', 'none'], { env: { PATH, WR_PRIVATEKEYPATH: sshd.key } });
  });
  after(async () => {
    await place?.remove();
    await sshd?.stop();
  });

  /** Has a command run by a runner of its own. */
  const run = async (repGroup: string, cmd: string, flags: readonly string[]): Promise<number> => {
    await place.add([cmd], ['-i', repGroup, '-r', '0']);
    const runner = place.spawn(process.execPath, [WR, 'runner', '-s', GROUP, '-r', '30', ...flags]);
    return runner.pid;
  };

  const becomes = (repGroup: string, state: string, patienceMs?: number) =>
    place.until(
      `${repGroup} is ${state}`,
      async () => {
        if (patienceMs !== undefined) await pause(1_000); // It takes a minute: no need to ask all the time.
        const job = await place.job(['-i', repGroup]);
        return job.State === state ? job : undefined;
      },
      patienceMs,
    );

  const sleeping = (mark: string): number[] =>
    place.processes().filter((pid) => commandLine(pid).startsWith(`sleep ${mark}`));

  const kill = async (pid: number): Promise<void> => {
    process.kill(pid, 'SIGKILL');
    await place.until('the runner is gone', () => !isAlive(pid) || undefined);
  };

  it('is known to run on or to be over, is never run twice, and is ended when someone asks for it', async () => {
    const far = await run('far', 'sleep 97001; true', ['--host', 'far']);
    await becomes('far', 'running');
    const over = await run('over', 'sleep 97002; true', ['--host', 'far']);
    await becomes('over', 'running');
    await kill(far);
    await kill(over);
    for (const pid of place.processes().filter((each) => commandLine(each).includes('sleep 97002')))
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    // It ends its runner before that has told of the start; its launcher is between them.
    const killRunner = 'read -r _ _ _ runner _ < /proc/$PPID/stat; kill -9 $runner';
    const untold = `echo once >> ${place.work}/untold; ${killRunner}; sleep 97003; true`;
    await run('untold', untold, []);
    await place.until('it runs', () => sleeping('97003').length === 1 || undefined);
    await becomes('untold', 'lost', SILENT_MS);
    assert.equal((await becomes('over', 'buried', SILENT_MS)).FailReason, 'lost contact with runner');
    const lost = await becomes('far', 'lost', SILENT_MS);
    assert.equal(lost.Host, 'far');
    assert.ok(sleeping('97001').length === 1 && isAlive(lost.Pid));
    // Whoever could run it again finds nothing to run.
    await place.wr(['runner', '-s', GROUP, '-r', '1']);
    assert.deepEqual(place.lines('untold'), ['once']);
    await place.ok(['kill', '-a']);
    for (const repGroup of ['far', 'untold'])
      assert.equal((await becomes(repGroup, 'buried')).FailReason, 'killed by user request');
    assert.deepEqual([...sleeping('97001'), ...sleeping('97003')], []);
  });
});
