/** Why an attempt failed, each reason earned by a real command; executor.test.ts has those of exit codes and kills. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ownEnvironment } from '../../../cli/runner/environment.ts';
import { countsWholeMachine, mayHaveUsedTooMuch } from '../../../cli/runner/memory-kills.ts';
import { readProcess } from '../../../cli/runner/process-table.ts';
import { groupProblem } from '../../../cli/runner/unix-groups.ts';
import { FREE_BYTES_MIN } from '../../../cli/runner/watch.ts';
import type { EndedEvent } from '../../../core/runner-messages.ts';
import { contentOf, PATIENCE_MS, textOf, untilGone, withRunner } from './harness.ts';
import type { ScriptedJob, ScriptedManager } from './scripted-manager.ts';

const isAlive = (pid: number): boolean => readProcess(pid) !== null;

async function endOf(manager: ScriptedManager, job: ScriptedJob): Promise<EndedEvent> {
  const [attempt] = manager.add('g', [job]);
  return await manager.untilEnded(attempt as number);
}

const verdictOf = ({ outcome, exitCode, reason }: EndedEvent): string => `${outcome} ${exitCode} ${reason}`;

describe('reasons of failure', { concurrency: false }, () => {
  it('is the disk, for a command whose disk is full', async () => {
    await withRunner(
      async ({ manager }) => {
        const ended = await endOf(manager, { cmd: 'sleep 60' });
        assert.equal(verdictOf(ended), 'release -1 ran out of disk space');
      },
      { freeBytesMin: Number.MAX_SAFE_INTEGER },
    );
  });

  it('is the disk, for a command that fills a small one, and all of it is free again', async (t) => {
    await withRunner(
      async ({ manager, dir }) => {
        mkdirSync(dir, { recursive: true });
        if (
          spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=140m', 'none', dir], { stdio: 'ignore' }).status !==
          0
        )
          return t.skip('nothing can be mounted here');
        try {
          assert.equal(
            verdictOf(await endOf(manager, { cmd: 'head -c 20000000 /dev/zero > some; sleep 0.4; exit 3' })),
            'release 3 command exited non-zero',
          );
          const ended = await endOf(manager, { cmd: 'head -c 80000000 /dev/zero > all; sleep 600; true' });
          assert.equal(verdictOf(ended), 'release -1 ran out of disk space');
          // It may be noticed before all is written.
          assert.ok(ended.peakDiskMb >= 39 && ended.peakDiskMb <= 76, `${ended.peakDiskMb} MB`);
          const { bavail, bsize } = statfsSync(dir);
          assert.ok(bavail * bsize > 138 * 1_048_576, `${bavail * bsize} bytes are free`);
        } finally {
          spawnSync('umount', ['-l', dir]);
        }
      },
      { freeBytesMin: FREE_BYTES_MIN },
    );
  });

  it('is memory, for a command that the kernel ended for want of it, and for no other that was killed', async (t) => {
    const group = memoryGroup(t);
    if (group === null) return;
    try {
      await withRunner(async ({ manager }) => {
        const hungry = 'head -c 300000000 /dev/zero | tail -c 300000000 | cat > /dev/null';
        const inGroup = (cmd: string): string => `echo $$ > ${group}/cgroup.procs; ${cmd}`;
        const eaten = await endOf(manager, { cmd: inGroup(hungry), memoryMb: 2 });
        assert.deepEqual(verdictOf(eaten), 'release 137 command used too much RAM');
        if (countsWholeMachine()) {
          // One that was killed while somebody else's ran out of memory, and that used next to nothing itself.
          const beside = `(echo $BASHPID > ${group}/cgroup.procs; ${hungry}); kill -9 $$`;
          const bystander = await endOf(manager, { cmd: beside, memoryMb: 100_000 });
          assert.equal(verdictOf(bystander), 'release -1 command exited non-zero');
        }
        // The count has risen, but not since this one began, unless something else on this machine had it rise.
        // The runner looks at it once in a while: what begins after the next look is not blamed for it any more.
        const untilMs = performance.now() + PATIENCE_MS;
        let other: EndedEvent;
        do other = await endOf(manager, { cmd: 'kill -9 $$' });
        while (other.reason === eaten.reason && performance.now() < untilMs);
        assert.equal(verdictOf(other), 'release -1 command exited non-zero');
      });
    } finally {
      rmdirSync(group);
    }
  });

  it('is not known, for a command whose launcher died; what was left of it is ended first', async () => {
    await withRunner(async ({ manager, dir }) => {
      const cmd = `echo $$ > ${dir}/pid; kill -9 $PPID; sleep 600`;
      const ended = await endOf(manager, { cmd });
      assert.equal(verdictOf(ended), 'release 255 command failed to complete normally');
      assert.match(textOf(ended.stderr), /launcher of the command died/);
      assert.equal(isAlive(Number(readFileSync(join(dir, 'pid'), 'utf8'))), false);
      assert.equal((await endOf(manager, { cmd: 'true' })).exitCode, 0, 'the slot works on');
    });
  });

  it('is that it did not start, for a command without files for its output; retries count', async () => {
    await withRunner(
      async ({ manager, dir }) => {
        const top = join(dir, '..');
        assert.equal((await endOf(manager, { cmd: 'true' })).exitCode, 0);
        const own = readdirSync(top).find((name) => name.startsWith('wr-runner-')) as string;
        rmSync(join(top, own), { recursive: true });
        const ended = await endOf(manager, { cmd: 'true' });
        assert.deepEqual([verdictOf(ended), ended.startedMs], ['release -1 command failed to start', 0]);
        assert.match(textOf(ended.stderr), /its output files cannot be made/);
        mkdirSync(join(top, own));
      },
      { slots: 1 },
    );
  });

  it('is the group, for a command that is to run as one the user is not in', async () => {
    await withRunner(async ({ manager }) => {
      const ended = await endOf(manager, { cmd: 'true', options: { unixGroup: 'no-such-group' } });
      assert.deepEqual([verdictOf(ended), ended.startedMs], ['bury -1 command permission problem', 0]);
      assert.match(textOf(ended.stderr), /there is no Unix group "no-such-group" on this host/);
    });
  });

  it('is the longest variable, for a command with an environment the kernel does not take', async () => {
    await withRunner(async ({ manager }) => {
      const env = [`LONG=${'x'.repeat(140_000)}`];
      const ended = await endOf(manager, { cmd: 'true', options: { env } });
      assert.deepEqual([verdictOf(ended), ended.startedMs], ['bury -1 command line too long', 0]);
      assert.match(textOf(ended.stderr), /up to 131071 bytes; this one has 1400\d\d/);
    });
  });
});

describe('groupProblem', () => {
  const user = { name: 'ann', uid: 1000, gids: [1000, 4] };

  it('lets a user run as groups of its own, or of which it was made a member, and root as any', () => {
    assert.equal(groupProblem('adm', 'adm:x:4:', user), null);
    assert.equal(groupProblem('lab', 'lab:x:70:bob,ann\n', user), null);
    assert.equal(groupProblem('lab', 'lab:x:70:bob', { ...user, uid: 0 }), null);
  });

  it('says who is not in which group', () => {
    assert.equal(
      groupProblem('lab', 'lab:x:70:anna,bob', user),
      'the user ann is not in the Unix group "lab"',
    );
    assert.match(groupProblem('nix', null, { ...user, uid: 0 }) ?? '', /no Unix group "nix"/);
  });
});

describe('commands with something around them', { concurrency: false }, () => {
  it('run as the group they name, in their directory and environment, their exit code their own', async (t) => {
    if (process.getuid?.() !== 0 || !existsSync('/usr/bin/newgrp')) {
      t.skip('only root is in every group');
      return;
    }
    await withRunner(async ({ manager, dir }) => {
      const options = { unixGroup: 'daemon', env: ["X=it's", 'a.b=c'] };
      const cmd = `echo "$(id -gn)|$X|$(printenv a.b)|$PWD|$(cat)" > ${dir}/said; false | true; exit 7`;
      const ended = await endOf(manager, { cmd, options });
      assert.equal(verdictOf(ended), 'release 7 command exited non-zero', textOf(ended.stderr));
      assert.equal(readFileSync(join(dir, 'said'), 'utf8'), `daemon|it's|c|${ended.cwd}|\n`);
      const piped = await endOf(manager, { cmd: 'false | true', options });
      assert.equal(piped.exitCode, 1);
      const [attempt] = manager.add('g', [{ cmd: `echo $$ > ${dir}/pid; sleep 600; true`, options }]);
      const pid = Number(await contentOf(join(dir, 'pid')));
      manager.push({ type: 'kill', attempts: [attempt as number] });
      const killed = await manager.untilEnded(attempt as number);
      assert.equal(killed.reason, 'killed by user request');
      await untilGone(pid, isAlive);
    });
  });

  it('have the modules they name loaded before them, by whatever their shell has for it', async () => {
    const fake = '() { printf "%s," "$@" >> "$LOADED"; }';
    const own = new Map(ownEnvironment()).set('BASH_FUNC_module%%', fake);
    await withRunner(
      async ({ manager, dir }) => {
        const file = join(dir, 'loaded');
        mkdirSync(dir, { recursive: true });
        const options = { modules: ['gcc/12', "it's; true"], env: [`LOADED=${file}`] };
        assert.equal((await endOf(manager, { cmd: `echo run >> ${file}`, options })).exitCode, 0);
        assert.equal(readFileSync(file, 'utf8'), "load,--force,gcc/12,it's; true,run\n");
        writeFileSync(file, '');
        assert.equal((await endOf(manager, { cmd: 'false | cat', options })).exitCode, 1);
      },
      { own },
    );
  });
});

describe('a kill for want of memory somewhere on the machine', () => {
  it('is believed of a command that used half of what it asked for, or a quarter of all there is', () => {
    assert.ok(!mayHaveUsedTooMuch(316, 1_400, 24_000));
    assert.ok(mayHaveUsedTooMuch(700, 1_400, 24_000));
    assert.ok(mayHaveUsedTooMuch(6_000, 20_000, 24_000));
    assert.ok(!mayHaveUsedTooMuch(5_999, 20_000, 24_000));
  });
});

/** A control group of 64 MB to eat up; `null`: this machine gives none, and the test is left out. */
function memoryGroup(t: TestContext): string | null {
  const v1 = '/sys/fs/cgroup/memory';
  const group = join(existsSync(v1) ? v1 : '/sys/fs/cgroup', `wr-test-${process.pid}`);
  const limit = existsSync(v1) ? 'memory.limit_in_bytes' : 'memory.max';
  try {
    mkdirSync(group);
    writeFileSync(join(group, limit), String(64 * 1024 * 1024));
    return group;
  } catch (error) {
    if (existsSync(group)) rmdirSync(group);
    t.skip(`no control group can be made here: ${(error as Error).message}`);
    return null;
  }
}
