import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { ownEnvironment, parseEnvironment } from '../../../cli/runner/environment.ts';
import { readProcess } from '../../../cli/runner/process-table.ts';
import type { StartedEvent } from '../../../core/runner-messages.ts';
import { contentOf, textOf, until, untilGone, withRunner } from './harness.ts';
import { keyOf, type ScriptedManager } from './scripted-manager.ts';

const isAlive = (pid: number): boolean => readProcess(pid) !== null;

/** Runs one command that prints something and fails, so that its output is kept. */
async function outputOf(manager: ScriptedManager, cmd: string | Uint8Array, options = {}): Promise<string> {
  const text = typeof cmd === 'string' ? Buffer.from(cmd) : cmd;
  const [attempt] = manager.add('g', [{ cmd: Buffer.concat([text, Buffer.from('\nexit 9')]), options }]);
  const ended = await manager.untilEnded(attempt as number);
  assert.equal(ended.exitCode, 9, textOf(ended.stderr));
  return textOf(ended.stdout);
}

describe('executing commands', { concurrency: false }, () => {
  it('tells exit codes from signals, and classifies both', async () => {
    await withRunner(async ({ manager }) => {
      const cases: readonly [string, string][] = [
        ['true', 'complete 0 '],
        ['exit 3', 'release 3 command exited non-zero'],
        ['exit 137', 'release 137 command exited non-zero'],
        ['kill -9 $$', 'release -1 command exited non-zero'],
        ['kill -SEGV $$', 'release -1 command exited non-zero'],
        ['no-such-command-at-all', 'bury 127 command not found'],
        ['/dev/null', 'bury 126 command permission problem'],
        ['exit 128', 'bury 128 command invalid exit code'],
        ['false | true', 'release 1 command exited non-zero'],
      ];
      const attempts = manager.add(
        'g',
        cases.map(([cmd]) => ({ cmd })),
      );
      for (const [index, attempt] of attempts.entries()) {
        const { outcome, exitCode, reason, pid, startedMs, endedMs, cpuMs } =
          await manager.untilEnded(attempt);
        assert.equal(`${outcome} ${exitCode} ${reason}`, cases[index]?.[1], cases[index]?.[0]);
        assert.ok(startedMs > 0 && endedMs > startedMs && cpuMs >= 0);
        // Those after the first few are known to be short, and over before anybody has looked.
        assert.ok(pid > 1 || (index >= 3 && pid === 0), `${pid}`);
      }
    });
  });

  it('does the same in a run of short commands, which are sent ahead', async () => {
    await withRunner(async ({ manager }) => {
      const cmds = [
        'true',
        'exit 3',
        'exit 137',
        'kill -9 $$',
        'echo out; echo err >&2; kill -9 $$',
        'cd /nowhere-at-all',
      ];
      const attempts = manager.add(
        'g',
        Array.from({ length: 240 }, (_, i) => ({ cmd: cmds[i % cmds.length] as string })),
      );
      const expected = ['0', '3', '137', '-1', '-1', '1'];
      for (const [index, attempt] of attempts.entries()) {
        const ended = await manager.untilEnded(attempt);
        assert.equal(String(ended.exitCode), expected[index % cmds.length], cmds[index % cmds.length]);
        if (index % cmds.length !== 4) continue;
        assert.equal(textOf(ended.stdout), 'out');
        assert.equal(textOf(ended.stderr), 'err');
      }
      assert.ok(manager.frames < 240, `${manager.frames} frames`);
    });
  });

  it('takes a relative directory as one below where it was itself started', async () => {
    await withRunner(async ({ manager, dir }) => {
      const cwd = relative(process.cwd(), join(dir, 'below'));
      const attempts = manager.add('g', [
        { cmd: 'pwd; exit 1', options: { cwd } },
        { cmd: 'pwd; exit 1', options: { cwd, cwdMatters: true } },
      ]);
      const [own = '', itself] = await Promise.all(
        attempts.map(async (attempt) => textOf((await manager.untilEnded(attempt)).stdout).trim()),
      );
      assert.ok(own.startsWith(`${dir}/below/wr_cwd/`), own);
      assert.equal(itself, `${dir}/below`);
    });
  });

  it('tells what each of a run of short commands used, and names none whose process nobody saw', async () => {
    await withRunner(async ({ manager }) => {
      const burn = 'i=0; until [ $i = 30000 ]; do i=$((i + 1)); done';
      const attempts = manager.add(
        'g',
        Array.from({ length: 120 }, (_, i) => ({ cmd: i >= 60 && i % 6 === 0 ? burn : 'true' })),
      );
      const ends = await Promise.all(attempts.map((attempt) => manager.untilEnded(attempt)));
      const burnt = ends.filter((_, i) => i >= 60 && i % 6 === 0);
      for (const { cpuMs } of burnt) assert.ok(cpuMs >= 10, `${cpuMs} ms`);
      const others = ends.filter((end) => !burnt.includes(end));
      // Time comes in steps of 10 ms.
      assert.ok(others.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / others.length < 10);
      assert.ok(others.filter(({ pid }) => pid === 0).length > 50);
    });
  });

  it('gives each command a directory and a TMPDIR of its own, and removes them with their parents', async () => {
    await withRunner(async ({ manager, dir }) => {
      const [attempt] = manager.add('g', [
        {
          cmd: 'stat -c %a ..; pwd; echo $TMPDIR $WR_JOB_CWD $HOME; mkdir -p a/b; touch a/b/c $TMPDIR/x; exit 2',
          key: keyOf(77),
        },
      ]);
      const ended = await manager.untilEnded(attempt as number);
      const [mode, cwd, rest] = textOf(ended.stdout).split('\n');
      const key = keyOf(77);
      assert.equal(mode, '700');
      assert.match(
        cwd as string,
        new RegExp(`^${dir}/wr_cwd/${key[0]}/${key[1]}/${key[2]}/${key.slice(3)}\\d+/cwd$`),
      );
      assert.equal(rest, `${cwd?.replace(/cwd$/, 'tmp')} ${dir} ${process.env.HOME}`);
      assert.equal(ended.cwd, cwd);
      assert.deepEqual(readdirSync(dir), []);
    });
  });

  it('keeps the directory but for TMPDIR when nobody asked for a clean-up', async () => {
    await withRunner(async ({ manager }) => {
      const [attempt] = manager.add('g', [
        { cmd: 'echo kept > file; echo x > $TMPDIR/y', options: { onExit: [] } },
      ]);
      const { cwd } = await manager.untilEnded(attempt as number);
      assert.equal(readFileSync(join(cwd, 'file'), 'utf8'), 'kept\n');
      assert.deepEqual(readdirSync(join(cwd, '..')), ['cwd']);
    });
  });

  it('sets HOME when asked to, and runs in the named directory itself when it matters', async () => {
    await withRunner(async ({ manager, dir }) => {
      assert.match(await outputOf(manager, 'echo $HOME', { changeHome: true }), /wr_cwd.*\/cwd$/);
      const own = join(dir, 'it', 'matters');
      const said = await outputOf(manager, 'pwd; echo "${TMPDIR-none} ${WR_JOB_CWD-none} ${OLDPWD-none}"', {
        cwdMatters: true,
        cwd: own,
      });
      const tmp = process.env.TMPDIR ?? 'none';
      assert.equal(said, `${own}\n${tmp} none ${process.env.OLDPWD ?? 'none'}`);
      assert.ok(existsSync(own));
    });
  });

  it('works in directories of any name', async () => {
    await withRunner(async ({ manager, dir }) => {
      const cwd = join(dir, `it's a "dir" $HOME \\ é\n`);
      const options = { cwd, onExit: [{ run: `pwd > ${dir}/after` }, { cleanup: true }] };
      const said = await outputOf(
        manager,
        'printf "%s|" "$PWD" "$TMPDIR" "$WR_JOB_CWD"; touch "$TMPDIR/x"',
        options,
      );
      const [at = '', tmp, base] = Buffer.from(said, 'latin1').toString('utf8').split('|');
      assert.ok(at.startsWith(`${cwd}/wr_cwd/`) && at.endsWith('/cwd'), at);
      assert.deepEqual([tmp, base], [at.replace(/cwd$/, 'tmp'), cwd]);
      assert.equal(readFileSync(join(dir, 'after'), 'utf8'), `${at}\n`);
      assert.equal(existsSync(at), false);
    });
  });

  it('buries a command whose directory cannot be made', async () => {
    await withRunner(async ({ manager }) => {
      const [a, b] = manager.add('g', [
        { cmd: 'true', options: { cwd: '/dev/null/x' } },
        { cmd: 'true', options: { cwd: '/dev/null/x', cwdMatters: true } },
      ]);
      for (const attempt of [a, b]) {
        const ended = await manager.untilEnded(attempt as number);
        assert.deepEqual(
          [ended.outcome, ended.reason, ended.startedMs],
          ['bury', 'working directory does not exist', 0],
        );
      }
    });
  });

  it('runs in the environment captured with the command, the last of several values winning', async () => {
    const own = new Map(ownEnvironment());
    await withRunner(
      async ({ manager }) => {
        const captured = [
          'PATH=/usr/bin:/bin',
          'A=old',
          'A=captured',
          "B=with 'quotes' and $dollars",
          'LATIN=caf\xe9',
          'BASH_FUNC_greet%%=() {  echo "hi $1"\n}',
          'MULTI=one\ntwo',
        ];
        manager.environments.set('e1', Buffer.from(captured.join('\0'), 'latin1'));
        const options = { envId: 'e1', env: ['C=x:y:z', 'A=1', 'A=2', 'broken', '=none'] };
        const said = await outputOf(
          manager,
          'echo "$A|$B|$LATIN|$C|$MULTI|${OWN-unset}"; greet you; echo $PATH; env | grep ^WR_MANAGER | sort',
          options,
        );
        assert.equal(
          said,
          [
            "2|with 'quotes' and $dollars|caf\xe9|x:y:z|one\ntwo|unset",
            'hi you',
            '/usr/bin:/bin:/opt/wr',
            'WR_MANAGERCERTDOMAIN=localhost',
            'WR_MANAGERHOST=localhost',
            'WR_MANAGERPORT=1',
          ].join('\n'),
        );
        assert.equal(await outputOf(manager, 'echo "$OWN $A"', {}), 'mine');
      },
      { own: own.set('OWN', 'mine') },
    );
  });

  it('buries a command whose environment nobody knows any more', async () => {
    await withRunner(async ({ manager }) => {
      const [attempt] = manager.add('g', [{ cmd: 'true', options: { envId: 'gone' } }]);
      const ended = await manager.untilEnded(attempt as number);
      assert.deepEqual([ended.outcome, ended.reason], ['bury', 'failed to get environment variables']);
    });
  });

  it('takes commands byte for byte, whatever they hold', async () => {
    await withRunner(async ({ manager }) => {
      const said = await outputOf(
        manager,
        Buffer.from("printf '%s|' 'a\xff\xfe' \"it's\"\nprintf 'two\\n'", 'latin1'),
      );
      assert.equal(said, "a\xff\xfe|it's|two");
    });
  });

  it('buries a command longer than the kernel takes, and runs the longest it does take', async () => {
    await withRunner(async ({ manager }) => {
      const [long, longest] = manager.add('g', [
        { cmd: `true ${'x'.repeat(131_072 - 5)}` },
        { cmd: `true ${'x'.repeat(131_071 - 5)}` },
      ]);
      assert.equal((await manager.untilEnded(long as number)).reason, 'command line too long');
      assert.equal((await manager.untilEnded(longest as number)).exitCode, 0);
    });
  });

  it('lets commands use interrupts: they start with none ignored', async () => {
    await withRunner(async ({ manager }) => {
      assert.equal(await outputOf(manager, 'grep SigIgn /proc/self/status | cut -f2'), '0000000000000000');
      const [attempt] = manager.add('g', [{ cmd: 'timeout -s INT 0.2 sleep 30' }]);
      assert.equal((await manager.untilEnded(attempt as number)).exitCode, 124);
    });
  });

  it('keeps output apart: /dev/stdout can be opened, and what a command leaves behind disturbs no other', async () => {
    await withRunner(
      async ({ manager, dir }) => {
        const flag = join(dirname(dir), 'flag');
        const leaves = `echo one >/dev/stdout; (while [ ! -e ${flag} ]; do sleep 0.02; done; echo late) & disown; exit 1`;
        const [first] = manager.add('g', [{ cmd: leaves }]);
        assert.equal(textOf((await manager.untilEnded(first as number)).stdout), 'one');
        const [second] = manager.add('g', [{ cmd: `touch ${flag}; sleep 0.3; echo two; exit 1` }]);
        assert.equal(textOf((await manager.untilEnded(second as number)).stdout), 'two');
      },
      { slots: 1 },
    );
  });

  it('gives short commands directories that look fresh, whatever those before them did in theirs', async () => {
    await withRunner(async ({ manager, dir }) => {
      const check =
        '[ "$(stat -c %a . "$TMPDIR" .. | tr "\n" " ")" = "755 755 700 " ] && [ -z "$(ls -A . "$TMPDIR" | grep -v :)" ] && [ "$(ls ..)" = "$(printf "cwd\ntmp")" ]';
      const deeds = [
        'true',
        'true',
        'true',
        'true',
        'touch file',
        'mkdir -p "$TMPDIR/a/b"',
        'chmod 700 .',
        'touch ../beside',
        `(sleep 0.2; touch left 2>${dir}/late) >/dev/null 2>&1 & disown`,
      ];
      const plain = manager.add(
        'g',
        Array.from({ length: 150 }, () => ({ cmd: 'true' })),
      );
      const checked = manager.add(
        'g',
        Array.from({ length: 270 }, (_, i) => ({ cmd: `${check} || exit 7; ${deeds[i % deeds.length]}` })),
      );
      for (const attempt of [...plain, ...checked]) {
        const ended = await manager.untilEnded(attempt);
        assert.equal(ended.exitCode, 0, `${deeds[(attempt - 151) % deeds.length]}: ${textOf(ended.stderr)}`);
      }
      await until('nothing of them is left', () => !readdirSync(dir).includes('wr_cwd'));
    });
  });

  it('removes the directories of what has ended soon, however long something else runs', async () => {
    await withRunner(async ({ manager, dir }) => {
      const flag = join(dirname(dir), 'flag');
      const [long] = manager.add('g', [{ cmd: `until [ -e ${flag} ]; do sleep 0.05; done` }]);
      const short = manager.add(
        'g',
        Array.from({ length: 60 }, (_, i) => ({ cmd: i % 2 === 0 ? 'true' : 'echo > file; true' })),
      );
      for (const attempt of short) await manager.untilEnded(attempt);
      const leaves = (): string[] =>
        readdirSync(dir, { recursive: true })
          .map(String)
          .filter((name) => name.endsWith('/cwd'));
      const parents = (): string[] => readdirSync(join(dir, 'wr_cwd'));
      await until('all others are removed', () => leaves().length === 1 && parents().length === 1, 20_000);
      assert.equal(manager.ended(long as number), undefined);
      writeFileSync(flag, '');
      assert.equal((await manager.untilEnded(long as number)).outcome, 'complete');
    });
  });

  it('keeps the output of short commands apart from what those before them left running', async () => {
    await withRunner(async ({ manager }) => {
      const attempts = manager.add(
        'g',
        Array.from({ length: 400 }, (_, i) => ({
          cmd:
            i % 40 === 30
              ? '(sleep 0.3; echo late; echo late >&2) & disown; echo one'
              : `echo ${i}; exit ${i % 2}`,
        })),
      );
      for (const [index, attempt] of attempts.entries()) {
        const { stdout, stderr, outcome } = await manager.untilEnded(attempt);
        assert.equal(textOf(stdout), outcome === 'complete' ? '' : String(index));
        assert.equal(textOf(stderr), '');
      }
    });
  });

  it('carries out behaviours in order, in the environment of the command, and says what went wrong', async () => {
    await withRunner(async ({ manager, dir }) => {
      const [failing, fine] = manager.add('g', [
        {
          cmd: 'echo made > file; exit 4',
          options: {
            env: ['X=from env'],
            onFailure: [
              { run: `echo "$X|$PWD|$TMPDIR|$(cat file)" > ${dir}/said` },
              { run: 'echo bad >&2; exit 5' },
            ],
            onSuccess: [{ run: `touch ${dir}/wrong` }],
            onExit: [{ cleanup: true }],
          },
        },
        { cmd: 'true', options: { onSuccess: [{ run: `false | cat > ${dir}/fine` }] } },
      ]);
      const ended = await manager.untilEnded(failing as number);
      const tmp = ended.cwd.replace(/cwd$/, 'tmp');
      assert.equal(readFileSync(join(dir, 'said'), 'utf8'), `from env|${ended.cwd}|${tmp}|made\n`);
      assert.match(
        textOf(ended.stderr),
        /^Behaviour problems:\n\[echo bad >&2; exit 5\] ended with exit code 5: bad$/,
      );
      assert.equal(existsSync(join(dir, 'wrong')), false);
      assert.equal(existsSync(ended.cwd), false);
      const success = await manager.untilEnded(fine as number);
      assert.deepEqual([success.outcome, success.exitCode], ['complete', 0]);
      assert.match(textOf(success.stderr), /Behaviour problems/);
    });
  });

  it('says that the directory is gone in which a behaviour was to run', async () => {
    await withRunner(async ({ manager }) => {
      const [attempt] = manager.add('g', [
        { cmd: 'exit 4', options: { onExit: [{ cleanup: true }, { run: 'pwd' }] } },
      ]);
      const ended = await manager.untilEnded(attempt as number);
      assert.equal(
        textOf(ended.stderr),
        `Behaviour problems:\n[pwd] could not be run: its directory ${ended.cwd} is gone`,
      );
    });
  });

  it('carries out the behaviours of a failure for a killed command too, and ends those that are killed', async () => {
    await withRunner(async ({ manager, dir }) => {
      const [attempt] = manager.add('g', [
        {
          cmd: 'echo kept > file; sleep 60; true',
          options: { onFailure: [{ run: `cp file ${dir}/saved; echo $$ > ${dir}/pid; sleep 600; true` }] },
        },
      ]);
      await manager.until(() => manager.events.some(({ event }) => event === 'started'));
      const started = manager.events.find(({ event }) => event === 'started') as StartedEvent;
      await until('it is at work', () => existsSync(join(started.cwd as string, 'file')));
      manager.push({ type: 'kill', attempts: [attempt as number] });
      const pid = Number(await contentOf(join(dir, 'pid')));
      assert.equal(manager.ended(attempt as number), undefined, 'what follows it goes on');
      manager.push({ type: 'kill', attempts: [attempt as number] });
      const ended = await manager.untilEnded(attempt as number);
      assert.deepEqual([ended.outcome, ended.reason], ['bury', 'killed by user request']);
      assert.match(textOf(ended.stderr), /^Behaviour problems:\n\[cp file .* ended with SIGKILL$/);
      assert.equal(readFileSync(join(dir, 'saved'), 'utf8'), 'kept\n');
      await untilGone(pid, isAlive);
      assert.equal(existsSync(ended.cwd), false);
    });
  });

  it('keeps head and tail of what was printed, progress bars shortened, be a line as long as it may', async () => {
    await withRunner(async ({ manager }) => {
      const bar = "printf 'go\\n98%%\\r99%%\\r100%%\\r\\n\\nc\\n'";
      assert.equal(await outputOf(manager, bar), 'go\n98%\n[...]\n100%\n\nc');
      const long = "head -c 90000000 /dev/zero | tr '\\0' x; printf '\\r1%%\\r2%%\\n'; echo end";
      const said = await outputOf(manager, long);
      const [head = '', tail = ''] = said.split(/\n\.\.\. omitting 899\d+ bytes \.\.\.\n/);
      assert.deepEqual([head.length, head.replaceAll('x', '')], [4096, '']);
      assert.equal(tail.replace(/^x+/, ''), '\n1%\nend');
    });
  });

  it('ends the whole tree of a command that is killed, also what left its session and ignores SIGTERM', async () => {
    await withRunner(async ({ manager, dir }) => {
      const stubborn = `setsid bash -c 'trap "" TERM; echo $$ > ${dir}/pid; while :; do sleep 0.05; done' & `;
      const [attempt] = manager.add('g', [
        { cmd: `${stubborn} while [ ! -s ${dir}/pid ]; do sleep 0.02; done; echo ready; sleep 60` },
      ]);
      await manager.until(() => manager.events.some((event) => event.event === 'started'));
      const pid = Number(await contentOf(join(dir, 'pid')));
      manager.push({ type: 'kill', attempts: [attempt as number] });
      const ended = await manager.untilEnded(attempt as number);
      assert.deepEqual([ended.outcome, ended.exitCode, ended.reason], ['bury', -1, 'killed by user request']);
      await untilGone(pid, isAlive);
    });
  });

  it('ends what left its parents at once too, in the session of its command or in one of its own', async () => {
    await withRunner(async ({ manager, dir }) => {
      // Their parents are gone before anybody has looked at them.
      const daemon = (how: string, name: string): string =>
        `(${how} sh -c 'echo $$ > ${dir}/${name}; exec sleep 600' > /dev/null 2>&1 &)`;
      const [kept] = manager.add('g', [
        { cmd: `${daemon('', 'kept')}; until [ -s ${dir}/kept ]; do :; done` },
      ]);
      assert.equal((await manager.untilEnded(kept as number)).outcome, 'complete');
      const cmd = `${daemon('', 'near')}; ${daemon('setsid', 'far')}; exec sleep 600`;
      for (const options of [{}, { cwdMatters: true, cwd: dir }]) {
        const [attempt] = manager.add('g', [{ cmd, options }]);
        const near = Number(await contentOf(join(dir, 'near')));
        const far = Number(await contentOf(join(dir, 'far')));
        await manager.until(() =>
          manager.events.some((event) => event.event === 'started' && event.attempt === attempt),
        );
        manager.push({ type: 'kill', attempts: [attempt as number] });
        assert.equal((await manager.untilEnded(attempt as number)).reason, 'killed by user request');
        for (const pid of [near, far]) await untilGone(pid, isAlive);
        for (const name of ['near', 'far']) rmSync(join(dir, name));
      }
      // What an earlier command left behind on purpose is none of theirs.
      const left = Number(readFileSync(join(dir, 'kept'), 'utf8'));
      assert.ok(isAlive(left));
      process.kill(left, 'SIGKILL');
    });
  });

  it('tells of a running command what it uses and prints, progress bars shortened', async () => {
    await withRunner(async ({ manager, dir }) => {
      const go = join(dir, 'go');
      const bar = "printf 'a\\n1%%\\r2%%\\r3%%\\r4%%\\r\\nb\\n'; echo careful >&2";
      const work = 'end=$(($(date +%s%N) + 600000000)); while [ $(date +%s%N) -lt $end ]; do :; done';
      const [attempt] = manager.add('g', [
        { cmd: `${bar}; ${work}; until [ -e ${go} ]; do sleep 0.05; done` },
      ]);
      await manager.until(() => manager.touches.length > 0);
      const touched = manager.touches[0]?.attempts[0];
      assert.equal(touched?.attempt, attempt);
      assert.deepEqual(
        [textOf(touched?.stdout ?? new Uint8Array()), textOf(touched?.stderr ?? new Uint8Array())],
        ['a\n1%\n[...]\n4%\nb', 'careful'],
      );
      assert.ok((touched?.peakRamMb ?? 0) > 0 && (touched?.cpuMs ?? 0) >= 100, `${touched?.cpuMs} ms`);
      writeFileSync(go, '');
      assert.equal((await manager.untilEnded(attempt as number)).exitCode, 0);
    });
  });

  it('never starts a command that is killed while it waits behind another', async () => {
    await withRunner(
      async ({ manager, dir }) => {
        const warm = manager.add(
          'g',
          Array.from({ length: 12 }, () => ({ cmd: 'true' })),
        );
        await manager.untilEnded(warm.at(-1) as number);
        const [slow, behind, last] = manager.add('g', [
          { cmd: 'sleep 0.8' },
          { cmd: `touch ${dir}/ran` },
          { cmd: 'true' },
        ]);
        await manager.until(() =>
          manager.events.some(({ event, attempt }) => event === 'started' && attempt === slow),
        );
        manager.push({ type: 'kill', attempts: [behind as number] });
        // On a busy machine what waits may have been given back before.
        const isOver = (attempt = 0): boolean =>
          manager.events.some((event) => event.attempt === attempt && event.event !== 'started');
        await manager.until(() => isOver(behind) && isOver(last));
        const killed = manager.ended(behind as number);
        if (killed !== undefined)
          assert.deepEqual(
            [killed.outcome, killed.reason, killed.startedMs],
            ['bury', 'killed by user request', 0],
          );
        assert.ok([0, undefined].includes(manager.ended(last as number)?.exitCode));
        assert.equal(existsSync(join(dir, 'ran')), false);
      },
      { slots: 1 },
    );
  });

  it('takes back what waits behind a command that turned out to be long, and gives it to a free slot', async () => {
    await withRunner(async ({ manager, dir }) => {
      const warm = manager.add(
        'g',
        Array.from({ length: 20 }, () => ({ cmd: 'true' })),
      );
      await manager.untilEnded(warm.at(-1) as number);
      const go = join(dir, 'go');
      const [slow, ...others] = manager.add('g', [
        { cmd: `while [ ! -e ${go} ]; do sleep 0.02; done` },
        ...Array.from({ length: 12 }, () => ({ cmd: 'true' })),
      ]);
      for (const attempt of others) assert.equal((await manager.untilEnded(attempt)).exitCode, 0);
      assert.equal(manager.ended(slow as number), undefined);
      writeFileSync(go, '');
      assert.equal((await manager.untilEnded(slow as number)).exitCode, 0);
      assert.equal(manager.events.filter(({ event }) => event === 'ended').length, 33);
    });
  });

  it('gives back what runs when the runner is told to stop', async () => {
    await withRunner(async ({ manager, runner, end }) => {
      const [long, over, queued] = manager.add('g', [
        { cmd: 'sleep 60' },
        { cmd: 'sleep 60', timeMs: 1 },
        { cmd: 'sleep 60' },
      ]);
      await manager.until(() => manager.events.filter(({ event }) => event === 'started').length === 2);
      runner.stop();
      assert.equal((await manager.untilEnded(long as number)).reason, 'runner received a signal to stop');
      assert.equal((await manager.untilEnded(over as number)).reason, 'command used too much time');
      assert.equal((await end).because, 'we received a signal to stop');
      assert.equal(manager.ended(queued as number), undefined);
    });
  });

  it('measures memory over the whole tree, the disk and the processor time', async () => {
    await withRunner(async ({ manager }) => {
      const child = `head -c 40000000 /dev/zero | tail -c 40000000 | (sleep 1.5; cat > /dev/null)`;
      const work = 'head -c 3500000 /dev/zero > file; for i in $(seq 60000); do :; done';
      const [attempt] = manager.add('g', [
        { cmd: `${work}; ${child}; exit 1`, options: { onExit: [] }, memoryMb: 10 },
      ]);
      const ended = await manager.untilEnded(attempt as number);
      assert.ok(ended.peakRamMb >= 38 && ended.peakRamMb < 100, `${ended.peakRamMb} MB`);
      assert.equal(ended.peakDiskMb, 3);
      assert.ok(ended.cpuMs >= 10 && ended.cpuMs < 5_000, `${ended.cpuMs} ms`);
      assert.match(
        textOf(ended.stderr),
        /^note: the command used \d+ MB of memory, and had asked for 10 MB$/,
      );
    });
  });

  it('ends a command that takes nearly all the memory there is', async () => {
    await withRunner(
      async ({ manager }) => {
        const [attempt] = manager.add('g', [
          { cmd: 'head -c 40000000 /dev/zero | tail -c 40000000 | sleep 60', memoryMb: 5 },
        ]);
        const ended = await manager.untilEnded(attempt as number);
        assert.deepEqual(
          [ended.outcome, ended.exitCode, ended.reason],
          ['release', -1, 'command used too much RAM'],
        );
      },
      { physicalMb: 30 },
    );
  });

  it('refuses what it cannot carry out rather than running it without', async () => {
    await withRunner(async ({ manager }) => {
      const [docker, mounts] = manager.add('g', [
        { cmd: 'true', options: { withDocker: 'image' } },
        { cmd: 'true', options: { mounts: [{ Targets: [{ Path: 'b' }] }] } },
      ]);
      assert.equal((await manager.untilEnded(docker as number)).reason, 'container failed to start');
      assert.equal(
        (await manager.untilEnded(mounts as number)).reason,
        'mounting of remote file system(s) failed',
      );
    });
  });
});

describe('environments', () => {
  it('keeps entries that define something, the last of each name', () => {
    const environment = parseEnvironment(Buffer.from('A=1\0=x\0B\0A=2=3\0C=\0'));
    assert.deepEqual(
      [...environment],
      [
        ['A', '2=3'],
        ['C', ''],
      ],
    );
  });
});
