import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Place } from './harness.ts';

const COUNT_LABELS = [
  'complete',
  'running',
  'ready',
  'dependent',
  'suspended',
  'lost contact',
  'delayed',
  'buried',
];

/** Every test has report groups of its own, so that none sees the others' commands. */
describe('the main job: commands in, run and remembered', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('starts a manager that says where it is, and knows no command', async () => {
    const { stdout, code } = await place.wr(['manager', 'status']);
    assert.equal(code, 0);
    assert.match(stdout, /^started\n\nStatus website: https:\/\/localhost:\d+\/\?token=[\w-]{43}\n/);
    assert.match(stdout, new RegExp(`^Host: .*:${place.clientPort}; PID: ${place.pid}$`, 'm'));
    const counts = await place.counts();
    assert.deepEqual(Object.keys(counts), COUNT_LABELS);
    assert.ok(Object.values(counts).every((count) => count === 0));
  });

  it('takes lines, lines with options behind a TAB and JSON lines from one file, and skips blank ones', async () => {
    const file = place.write(
      'shapes.txt',
      [
        `echo plain >> ${place.work}/shapes.out`,
        '',
        `echo tab >> ${place.work}/shapes.out\t{"rep_grp":"shapes","priority":7,"cmd":"ignored"}`,
        JSON.stringify({
          cmd: `echo json >> ${place.work}/shapes.out`,
          rep_grp: 'shapes',
          memory: '50M',
          time: '5m',
          override: 2,
        }),
        `  echo spaces >> ${place.work}/shapes.out  `,
      ].join('\n'),
    );
    const added = await place.ok(['add', '-f', file, '-i', 'shapes']);
    assert.match(added.stderr, /^INFO\[.*\] Added 4 new commands \(0 were duplicates\) to the queue/m);
    assert.match(added.stderr, /using default identifier 'shapes'/);
    const jobs = await place.settled('shapes', 4);
    assert.deepEqual(place.lines('shapes.out').sort(), ['json', 'plain', 'spaces', 'tab']);
    const byCommand = new Map(jobs.map((job) => [job.Cmd.trim().split(' ')[1], job]));
    assert.equal(byCommand.get('tab')?.Priority, 7);
    assert.equal(byCommand.get('json')?.ExpectedRAM, 50);
    assert.equal(byCommand.get('json')?.ExpectedTime, 300);
    assert.equal(byCommand.get('spaces')?.Cmd, `  echo spaces >> ${place.work}/shapes.out  `);
    assert.ok(jobs.every(({ State }) => State === 'complete'));
  });

  it('takes commands from STDIN, with and without -f -', async () => {
    await place.ok(['add', '-i', 'stdin'], { stdin: 'echo stdin-1' });
    await place.ok(['add', '-f', '-', '-i', 'stdin'], { stdin: 'echo stdin-2\necho stdin-3\n' });
    const jobs = await place.settled('stdin', 3);
    assert.deepEqual(jobs.map(({ Cmd }) => Cmd).sort(), ['echo stdin-1', 'echo stdin-2', 'echo stdin-3']);
  });

  it('shows commands in every output format, and plain exits 1 when one is buried', async () => {
    await place.add(['echo shown', 'exit 9'], ['-i', 'formats', '-r', '0']);
    const jobs = await place.settled('formats', 2);
    const buried = jobs.find(({ State }) => State === 'buried');
    const complete = jobs.find(({ State }) => State === 'complete');
    assert.ok(buried && complete);
    const show = (format: string) => place.wr(['status', '-i', 'formats', '-o', format]);

    const plain = await show('plain');
    assert.equal(plain.code, 1);
    assert.deepEqual(
      plain.stdout.split('\n').sort(),
      ['', `${buried.Key}\tburied`, `${complete.Key}\tcomplete`].sort(),
    );
    const plainOfComplete = await place.wr(['status', '-y', '-i', complete.Key, '-o', 'p']);
    assert.deepEqual([plainOfComplete.code, plainOfComplete.stdout], [0, `${complete.Key}\tcomplete\n`]);

    const counts = await show('counts');
    assert.equal(
      counts.stdout,
      `${COUNT_LABELS.map((label) => `${label}: ${['complete', 'buried'].includes(label) ? 1 : 0}\n`).join('')}\n`,
    );
    const summary = await show('s');
    assert.match(summary.stdout, /^formats : complete=1 running=0 ready=0 .*buried=1 /);
    assert.ok(summary.stdout.includes(` exitcode.9,"command exited non-zero"=${buried.Key}`));

    const details = await show('d');
    assert.match(details.stdout, /^# exit 9$/m);
    assert.match(details.stdout, /^Previous problem: command exited non-zero$/m);
    assert.match(details.stdout, /^Stats of previous attempt: \{ Exit code: 9; Peak memory: \d+MB; /m);
    assert.match(details.stdout, /^Status: complete /m);

    const table = await show('table');
    assert.match(table.stdout, /^Command +ID +Status/);
    assert.match(table.stdout, new RegExp(`^exit 9 +${buried.Key} +buried`, 'm'));

    const json = await show('json');
    assert.ok(json.stdout.endsWith(']\n\n'));
    assert.equal((JSON.parse(json.stdout) as unknown[]).length, 2);
    for (const { code } of [counts, summary, details, table, json]) assert.equal(code, 0);
  });

  it('selects by id, by command line, by file and by a part of a report group', async () => {
    const file = place.write('select.txt', 'echo select-1\necho select-2\n');
    await place.ok(['add', '-f', file, '-i', 'selection']);
    const [first] = await place.settled('selection', 2);
    assert.ok(first);
    assert.equal((await place.job(['-y', '-i', first.Key])).Cmd, first.Cmd);
    assert.equal((await place.job(['-l', first.Cmd])).Key, first.Key);
    assert.equal((await place.jobs(['-f', file])).length, 2);
    assert.equal((await place.jobs(['-z', '-i', 'electio'])).length, 2);
    const nobody = await place.wr(['status', '-i', 'no such group', '-o', 'counts']);
    assert.deepEqual([nobody.code, nobody.stdout.includes('complete: 0')], [0, true]);
  });

  it('runs each command in a directory of its own, with its own TMPDIR, and both are gone after success', async () => {
    const base = join(place.work, 'unique');
    mkdirSync(base);
    const tell = `echo made > here; echo made > $TMPDIR/there; echo "$PWD|$TMPDIR|$HOME" >> ${place.work}/unique.out`;
    await place.add([`${tell}; true 1`, `${tell}; true 2`], ['-i', 'unique', '-c', base]);
    const jobs = await place.settled('unique', 2);
    assert.deepEqual(new Set(jobs.map(({ State }) => State)), new Set(['complete']));
    const lines = place.lines('unique.out').map((line) => line.split('|'));
    assert.equal(new Set(lines.map(([cwd]) => cwd)).size, 2);
    for (const [cwd = '', temporary = '', home] of lines) {
      const key = jobs.find(({ Cwd }) => base + Cwd === cwd)?.Key ?? '';
      const [a, b, c] = key;
      assert.ok(cwd.startsWith(`${base}/wr_cwd/${a}/${b}/${c}/${key.slice(3)}`), cwd);
      assert.ok(temporary.startsWith(cwd.replace(/cwd$/, '')), temporary);
      assert.equal(home, place.dir);
      // Directories of short commands go together, a moment after the last of them.
      await place.until(
        'its directories are gone',
        () => (!existsSync(cwd) && !existsSync(temporary)) || undefined,
      );
    }
    await place.until('nothing is left', () => readdirSync(base).length === 0 || undefined);
  });

  it('keeps the directory of what failed when its behaviours say so, and runs them', async () => {
    const noted = join(place.work, 'noted');
    await place.add(
      ['echo kept > file; exit 1'],
      [
        '-i',
        'behaviours',
        '-r',
        '0',
        '--on_exit',
        '[]',
        '--on_failure',
        JSON.stringify([{ run: `cat file > ${noted}` }]),
      ],
    );
    const [job] = await place.settled('behaviours', 1);
    assert.ok(job);
    assert.equal(readFileSync(join(job.CwdBase + job.Cwd, 'file'), 'utf8'), 'kept\n');
    assert.equal(readFileSync(noted, 'utf8'), 'kept\n');
  });

  it('runs in the directory itself with --cwd_matters', async () => {
    await place.add(['pwd > where'], ['-i', 'literal', '--cwd_matters']);
    await place.settled('literal', 1);
    assert.deepEqual(place.lines('where'), [place.work]);
  });

  it('gives a command the environment of its add, overridden by --env, and HOME as --change_home says', async () => {
    const tell = (name: string) => `echo "${name}: $COLOUR $SHAPE" >> ${place.work}/env.out`;
    await place.ok(['add', '-i', 'env', '--env', 'SHAPE=round'], {
      stdin: tell('flag'),
      env: { COLOUR: 'blue ünd "green"', SHAPE: 'square' },
    });
    await place.ok(['add', '-i', 'env', '--env', 'SHAPE=round'], {
      stdin: JSON.stringify({ cmd: tell('json'), env: ['SHAPE=flat'] }),
      env: { COLOUR: 'red' },
    });
    const home = `echo "$HOME" "$PWD" >> ${place.work}/home.out`;
    await place.add([home], ['-i', 'env', '--change_home']);
    await place.settled('env', 3);
    assert.deepEqual(place.lines('env.out').sort(), ['flag: blue ünd "green" round', 'json: red flat']);
    const [changed, actual] = place.lines('home.out')[0]?.split(' ') ?? [];
    assert.equal(changed, actual);
  });

  it("keeps the manager's own setting of the allocator from its runners and their commands", async () => {
    const manager = readFileSync(`/proc/${place.pid}/environ`, 'latin1');
    assert.ok(manager.includes('MALLOC_MMAP_THRESHOLD_='));
    const told = join(place.work, 'allocator.out');
    const parent = `for p in $PPID $(cut -d' ' -f4 /proc/$PPID/stat); do tr '\\0' '\\n' < /proc/$p/environ; done`;
    await place.add([`(env; ${parent}) > ${told}`], ['-i', 'allocator']);
    await place.settled('allocator', 1);
    const seen = place.lines('allocator.out');
    assert.ok(seen.some((line) => line.startsWith('PATH=')));
    assert.ok(!seen.some((line) => line.startsWith('MALLOC_')));
  });

  it('buries with the exit code and what it means: 126, 127, 128, others and signals', async () => {
    const locked = place.write('locked', '');
    const commands = [`${locked} now`, 'no-such-program-anywhere', 'exit 128', 'exit 3', 'kill -KILL $$'];
    await place.add(commands, ['-i', 'codes', '-r', '0']);
    const jobs = await place.settled('codes', commands.length);
    const found = commands.map((cmd) => {
      const { Exitcode, FailReason, State } = jobs.find((job) => job.Cmd === cmd) ?? {};
      return [Exitcode, FailReason, State];
    });
    assert.deepEqual(found, [
      [126, 'command permission problem', 'buried'],
      [127, 'command not found', 'buried'],
      [128, 'command invalid exit code', 'buried'],
      [3, 'command exited non-zero', 'buried'],
      [-1, 'command exited non-zero', 'buried'],
    ]);
  });

  it('delays a command that failed and has attempts left', async () => {
    await place.add(['exit 4'], ['-i', 'delayed', '-r', '2']);
    const job = await place.until('it is delayed', async () => {
      const found = await place.job(['-i', 'delayed']);
      return found.State === 'delayed' ? found : undefined;
    });
    assert.equal(job.Attempts, 1);
    const { stdout } = await place
      .ok(['remove', '-i', 'delayed'])
      .then(() => place.ok(['status', '-i', 'delayed']));
    assert.equal(stdout.trim(), '');
  });

  it('completes a buried command with wr retry once its cause is repaired', async () => {
    const missing = join(place.work, 'missing-input');
    await place.add([`cat ${missing}`], ['-i', 'repaired', '-r', '0']);
    const [buried] = await place.settled('repaired', 1);
    assert.equal(buried?.State, 'buried');
    assert.match(buried?.StdErr ?? '', /missing-input/);
    writeFileSync(missing, 'here now\n');
    const { stderr } = await place.ok(['retry', '-i', 'repaired']);
    assert.match(stderr, /Initiated retry of 1 buried commands \(out of 1 eligible\)/);
    const job = await place.until('it is complete', async () => {
      const found = await place.job(['-i', 'repaired']);
      return found.State === 'complete' ? found : undefined;
    });
    assert.deepEqual([job.Exitcode, job.FailReason, job.Attempts], [0, '', 2]);
  });

  it('removes what is buried, and then knows it no more', async () => {
    await place.add(['exit 6'], ['-i', 'removed', '-r', '0']);
    await place.settled('removed', 1);
    const { stderr } = await place.ok(['remove', '-i', 'removed', '-b']);
    assert.match(stderr, /Removed 1 buried commands \(out of 1 eligible\)/);
    assert.deepEqual(await place.jobs(['-i', 'removed']), []);
    const again = await place.wr(['remove', '-i', 'removed']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /No matching jobs found/);
    const added = await place.add(['exit 6'], ['-i', 'removed', '-r', '0']);
    assert.match(added.stderr, /Added 1 new commands \(0 were duplicates\)/);
  });

  it('keeps the first and the last 4096 bytes of what a failed command printed', async () => {
    // 20,000 bytes: a letter tells which 1,000 of them it is.
    const print = 'for l in a b c d e f g h i j k l m n o p q r s t; do printf "%0999d$l" 0 | tr 0 $l; done';
    await place.add([`${print}; echo to stderr >&2; exit 1`], ['-i', 'output', '-r', '0']);
    const [job] = await place.settled('output', 1);
    const [head = '', tail = ''] = job?.StdOut.split(/\n\.\.\. omitting \d+ bytes \.\.\.\n/) ?? [];
    assert.equal(
      head,
      'a'.repeat(1000) + 'b'.repeat(1000) + 'c'.repeat(1000) + 'd'.repeat(1000) + 'e'.repeat(96),
    );
    assert.equal(
      tail,
      'p'.repeat(96) + 'q'.repeat(1000) + 'r'.repeat(1000) + 's'.repeat(1000) + 't'.repeat(1000),
    );
    assert.ok(job?.StdOut.includes('omitting 11808 bytes'));
    assert.equal(job?.StdErr, 'to stderr');
  });

  it('prints only ids with --simple: for new and for queued commands, not for complete ones', async () => {
    await place.add(['echo simple-done'], ['-i', 'simple']);
    const [done] = await place.settled('simple', 1);
    await place.add(['exit 7'], ['-i', 'simple', '-r', '0']);
    const jobs = await place.settled('simple', 2);
    const queued = jobs.find(({ State }) => State === 'buried');
    const { stdout, stderr } = await place.add(
      ['echo simple-done', 'exit 7', 'echo simple-new'],
      ['-i', 'simple', '--simple'],
    );
    const ids = stdout.split('\n');
    assert.equal(stderr, '');
    assert.deepEqual(ids, [queued?.Key, ids[1], '']);
    assert.match(ids[1] ?? '', /^[0-9a-f]{32}$/);
    assert.notEqual(ids[1], done?.Key);
    const nothing = await place.wr(['add', '-i', 'simple', '-s'], { stdin: 'echo simple-done\n' });
    assert.deepEqual([nothing.code, nothing.stdout], [1, '']);
  });

  it('waits with --sync and exits with the exit code and the output of the command', async () => {
    const failed = await place.wr(['add', '-i', 'sync', '-r', '0', '--sync'], {
      stdin: 'echo said; echo complained >&2; exit 42',
    });
    assert.deepEqual([failed.code, failed.stdout], [42, 'said\n']);
    assert.match(failed.stderr, /^complained$/m);
    const fine = await place.wr(['add', '-i', 'sync', '--sync'], { stdin: 'true sync' });
    assert.deepEqual([fine.code, fine.stdout], [0, '']);
    const before = await place.wr(['add', '-i', 'sync', '--sync'], { stdin: 'true sync' });
    assert.equal(before.code, 1);
    const two = await place.wr(['add', '--sync'], { stdin: 'true sync-a\ntrue sync-b\n' });
    assert.equal(two.code, 1);
    assert.match(two.stderr, /--sync needs exactly one command, but STDIN holds 2/);
  });

  it('counts duplicates within an add, of the queue and of complete commands, and runs the latter with --rerun', async () => {
    const command = `echo ran >> ${place.work}/twice.out`;
    const first = await place.add([command, command], ['-i', 'twice']);
    assert.match(first.stderr, /Added 1 new commands \(1 were duplicates\)/);
    await place.settled('twice', 1);
    const again = await place.add([command], ['-i', 'twice']);
    assert.match(again.stderr, /Added 0 new commands \(1 were duplicates\)/);
    const rerun = await place.add([command], ['-i', 'twice', '--rerun']);
    assert.match(rerun.stderr, /Added 1 new commands \(0 were duplicates\)/);
    const job = await place.until('it is complete again', async () => {
      const found = await place.job(['-l', command]);
      return found.State === 'complete' && place.lines('twice.out').length === 2 ? found : undefined;
    });
    assert.deepEqual([job.Exitcode, job.Attempts], [0, 1]);
  });

  it('leaves no process behind when it is stopped', async () => {
    await place.stop();
    await place.until('runner and commands are gone', () => place.processes().length === 0 || undefined);
    assert.ok(!existsSync(place.file('client.token')) && !existsSync(place.file('manager.addr')));
    assert.equal((await place.ok(['manager', 'status'])).stdout, 'stopped\n');
  });
});
