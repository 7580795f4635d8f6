import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../core/version.ts';

/** The whole program, without a manager. */
const ENTRY = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const MESSAGE = /^(DEBUG|INFO|WARN|ERROR)\[\d\d-\d\d\|\d\d:\d\d:\d\d\] /;

describe('the wr process', () => {
  let home = '';
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'wr-process-'));
  });
  after(() => rmSync(home, { recursive: true }));

  const run = (argv: readonly string[], { env = {}, input = '', entry = ENTRY } = {}) => {
    const result = spawnSync(process.execPath, [entry, ...argv], {
      cwd: home,
      input,
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '', HOME: home, WR_MANAGERPORT: '1', WR_MANAGERWEB: '2', ...env },
    });
    return { code: result.status, stdout: result.stdout, stderr: result.stderr };
  };

  it('prints its version', () => {
    assert.deepEqual(run(['version']), { code: 0, stdout: `${VERSION}\n`, stderr: '' });
  });

  it('prints help on STDOUT and exits with 0', () => {
    for (const argv of [
      [],
      ['-h'],
      ['manager'],
      ['manager', 'foo'],
      ['add', '--help'],
      ['help', 'manager', 'start'],
    ]) {
      const { code, stdout, stderr } = run(argv);
      assert.deepEqual([code, stderr], [0, ''], argv.join(' '));
      assert.match(stdout, /^Usage:$/m);
    }
  });

  it('says so and fails when STDOUT cannot be written to, and ends quietly when nobody reads on', (t) => {
    const shell = (command: string) => {
      const { status, stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, ENTRY], {
        cwd: home,
        encoding: 'utf8',
        env: { PATH: process.env.PATH ?? '', HOME: home },
      });
      return { code: status, stdout, stderr };
    };
    const closed = shell('"$0" "$1" conf --default | head -n 1');
    assert.deepEqual([closed.code, closed.stderr], [0, '']);
    if (!existsSync('/dev/full')) return t.skip('there is no /dev/full');
    const { code, stderr } = shell('"$0" "$1" conf --default > /dev/full');
    assert.equal(code, 1);
    assert.match(stderr, /^ERROR\[.*\] STDOUT cannot be written to \(ENOSPC.*\): .* is not complete\n$/);
  });

  it('exits with 1 and a message with usage for what it does not understand', () => {
    for (const argv of [
      ['foo'],
      ['add', '--nonsense'],
      ['status', '--limit', 'x'],
      ['kill'],
      ['status', '-y'],
    ]) {
      const { code, stdout, stderr } = run(argv);
      assert.deepEqual([code, stdout], [1, ''], argv.join(' '));
      assert.match(stderr, MESSAGE);
      assert.match(stderr, /--help/);
    }
  });

  it('answers to the names of LSF’s tools', () => {
    const link = join(home, 'bjobs');
    symlinkSync(ENTRY, link);
    const { code, stderr } = run(['-noheader', '-o', 'nothing'], { entry: link });
    assert.equal(code, 1);
    assert.match(stderr, /unsupported field 'nothing'; there are JOBID USER STAT/);
  });

  it('says that there is no manager, fast', () => {
    for (const argv of [['status'], ['kill', '-a'], ['add']]) {
      const { code, stderr } = run(argv, { input: 'echo 1\n' });
      assert.equal(code, 1);
      assert.match(stderr, /^ERROR.*client\.token could not be read: it does not exist — .*wr manager start/);
    }
    assert.deepEqual(run(['manager', 'status']), { code: 0, stdout: 'stopped\n', stderr: '' });
    assert.match(run(['manager', 'stop']).stderr, /does not seem to be running/);
  });

  it('falls back from the address file with a warning, and names where nobody answers', () => {
    const directory = join(home, '.wr_production');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'client.token'), 'x'.repeat(43));
    writeFileSync(join(directory, 'manager.addr'), '127.0.0.1:3');
    writeFileSync(join(directory, 'ca.pem'), 'nonsense');
    const { code, stderr } = run(['status']);
    assert.equal(code, 1);
    assert.match(stderr, /ca\.pem holds no certificate/);
    rmSync(directory, { recursive: true });
  });

  it('takes a pid file of a process that is none of its managers for stale', () => {
    const directory = join(home, '.wr_production');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'pid'), String(process.pid));
    assert.deepEqual(run(['manager', 'status']), { code: 0, stdout: 'stopped\n', stderr: '' });
    const stop = run(['manager', 'stop']);
    assert.equal(stop.code, 1);
    assert.match(stop.stderr, /delete .*\/pid/);
    rmSync(directory, { recursive: true });
  });

  it('shows the configuration with its sources', () => {
    writeFileSync(join(home, '.wr_config.yml'), 'cloudos: jammy\n');
    const { code, stdout } = run(['conf', '--deployment', 'development'], { env: { WR_CLOUDUSER: 'me' } });
    rmSync(join(home, '.wr_config.yml'));
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^\+-+\+-+\+-+\+$/);
    assert.match(lines[1] ?? '', /^\| CONFIG +\| VALUE +\| SOURCE +\|$/);
    assert.match(stdout, /^\| ManagerPort +\| 1 +\| env var +\|$/m);
    assert.match(stdout, /^\| CloudOS +\| jammy +\| .*\.wr_config\.yml +\|$/m);
    assert.match(stdout, /^\| CloudUser +\| me +\| env var +\|$/m);
    assert.match(stdout, /^\| Deployment +\| development +\| default +\|$/m);
    assert.ok(stdout.includes(join(home, '.wr_development')));
    assert.equal(lines[0], lines.at(-1));
  });

  it('prints a configuration file that it accepts', () => {
    const { stdout } = run(['conf', '--default']);
    writeFileSync(join(home, '.wr_config.yml'), stdout);
    const { code, stderr } = run(['conf']);
    rmSync(join(home, '.wr_config.yml'));
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('names file and line of a wrong setting', () => {
    writeFileSync(join(home, '.wr_config.yml'), '\nmanagerprt: 3\n');
    const { code, stderr } = run(['status']);
    rmSync(join(home, '.wr_config.yml'));
    assert.equal(code, 1);
    assert.match(stderr, /\.wr_config\.yml:2: "managerprt" is no setting; did you mean managerport\?/);
  });

  it('tells what is wrong with an input before it looks for a manager', () => {
    const secret = join(home, 'secret');
    writeFileSync(secret, 'a\n');
    chmodSync(secret, 0);
    const cases: [string[], RegExp][] = [
      [['-f', 'none'], /none does not exist/],
      [['-f', home], /is a directory/],
    ];
    if (process.getuid?.() !== 0) cases.push([['-f', secret], /may not be read/]);
    for (const [argv, text] of cases) {
      const { code, stderr } = run(['add', ...argv]);
      assert.equal(code, 1);
      assert.match(stderr, text);
    }
  });

  it('uses no colour where there is no terminal', () => {
    assert.ok(!run(['foo']).stderr.includes('\u001B'));
  });

  it('asks for ports where none can be computed', { skip: process.getuid === undefined }, () => {
    const { code, stderr } = run(['conf'], { env: { WR_MANAGERPORT: '', WR_MANAGERWEB: '' } });
    if ((process.getuid?.() ?? 0) * 4 + 1024 <= 65_535) assert.equal(code, 0);
    else assert.match(stderr, /managerport/);
  });
});
