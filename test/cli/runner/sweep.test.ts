import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Workspace } from '../../../cli/runner/attempt-directories.ts';
import { Ledger, type LedgerEntry, type LedgerOptions } from '../../../cli/runner/ledger.ts';
import { ownPrefix } from '../../../cli/runner/output-files.ts';
import { sweep } from '../../../cli/runner/sweep.ts';
import { Workspaces } from '../../../cli/runner/workspace.ts';
import { DEFAULT_JOB_OPTIONS } from '../../../core/job-options.ts';
import { until } from './harness.ts';
import { keyOf } from './scripted-manager.ts';

/** Above what Linux gives: nobody has it. */
const NOBODY = 4_194_304;

let top = '';
let workspaces: Workspaces;
const log: string[] = [];

const world = {
  manager: 'm',
  environment: async () =>
    new Map([
      ['PATH', '/usr/bin:/bin'],
      ['X', 'of the command'],
    ]),
  log: (text: string) => log.push(text),
};

/** The private directory of a runner that is gone, or that has another start time than the process of its number. */
function leave(entries: readonly LedgerEntry[], { pid = NOBODY, manager = 'm' } = {}): string {
  const directory = mkdtempSync(join(top, `${ownPrefix()}${pid}-`));
  new Ledger(directory, manager).write(entries, 0);
  const path = join(directory, 'ledger');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), pid, startTicks: 1 }));
  writeFileSync(join(directory, '1.o'), 'output');
  return directory;
}

function entryOf(workspace: Workspace, more: Partial<LedgerEntry> = {}): LedgerEntry {
  return { workspace, mark: `mark of ${workspace.leaf}`, cleanup: true, options: null, ...more };
}

function makeFilled(number: number): Workspace {
  const workspace = workspaces.make(join(top, 'cwd'), keyOf(number));
  writeFileSync(join(workspace.cwd, 'file'), 'data');
  writeFileSync(join(workspace.tmp, 'file'), 'data');
  return workspace;
}

describe('sweeping', () => {
  beforeEach(() => {
    top = realpathSync(mkdtempSync(join(tmpdir(), 'wr-sweep-')));
    workspaces = new Workspaces(Math.random);
    log.length = 0;
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it('removes the files and directories of a runner that is gone, and of no other', async () => {
    const [gone, kept, alive] = [makeFilled(1), makeFilled(2), makeFilled(3)];
    const left = [
      leave([entryOf(gone), entryOf(kept, { cleanup: false })]),
      leave([], { pid: process.pid }), // A number that has gone to someone else.
      mkdtempSync(join(top, `${ownPrefix()}${NOBODY}-`)),
    ];
    const mine = mkdtempSync(join(top, `${ownPrefix()}${process.pid}-`));
    new Ledger(mine, 'm').write([entryOf(alive)], 0);
    const others = join(top, 'wr-runner-elsewhere-1-4194304-x');
    mkdirSync(others);
    await sweep(top, world);
    assert.deepEqual(
      left.map((path) => existsSync(path)),
      [false, false, false],
    );
    assert.deepEqual(
      [mine, others].map((path) => existsSync(path)),
      [true, true],
    );
    assert.deepEqual(
      [gone.leaf, alive.cwd].map((path) => existsSync(path)),
      [false, true],
    );
    assert.deepEqual(readdirSync(kept.leaf), ['cwd'], 'nobody asked for a clean-up, but TMPDIR goes always');
    assert.match(log.join(), /what 2 commands left, whose runner 4194304 was killed, is cleaned up/);
  });

  it('leaves a directory that is not the one that was made, and says so', async () => {
    const workspace = makeFilled(1);
    leave([entryOf({ ...workspace, ino: workspace.ino + 1 })]);
    await sweep(top, world);
    assert.ok(existsSync(join(workspace.cwd, 'file')));
    assert.match(log.join(), /not the directory that was made for this command/);
  });

  it('touches nothing while something is left of a command, found by its mark or by where it stands', async () => {
    const workspace = makeFilled(1);
    const directory = leave([entryOf(workspace)]);
    const cases = [
      { cwd: workspace.cwd, env: {} },
      { cwd: '/', env: { WR_ATTEMPT: `mark of ${workspace.leaf}` } },
    ];
    for (const options of cases) {
      const child = spawn('/bin/sleep', ['600'], { ...options, stdio: 'ignore' });
      await new Promise((resolve) => child.once('spawn', resolve));
      assert.equal(await sweep(top, world), true, 'it is to be looked at again');
      assert.ok(existsSync(join(workspace.cwd, 'file')) && existsSync(join(directory, '1.o')));
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    assert.equal(await sweep(top, world), false);
    assert.deepEqual(
      [workspace.leaf, directory].map((path) => existsSync(path)),
      [false, false],
    );
  });

  it('runs what follows a failure once, before the clean-up, in the environment of the command', async () => {
    const workspace = makeFilled(1);
    const run = `echo "$X|$(cat file)" >> ${top}/said; sleep 0.2`;
    const options: LedgerOptions = { ...DEFAULT_JOB_OPTIONS, onFailure: [{ run }, { run: 'exit 3' }] };
    leave([entryOf(workspace, { options })], { manager: 'another' });
    await sweep(top, world);
    assert.ok(!existsSync(join(top, 'said')), 'it is not for the runners of another manager');
    leave([entryOf(workspace, { options })]);
    const first = sweep(top, world);
    await until('it follows', () => existsSync(join(top, 'said')));
    await Promise.all([first, sweep(top, world), sweep(top, world)]);
    assert.equal(readFileSync(join(top, 'said'), 'utf8'), 'of the command|data\n');
    assert.equal(existsSync(workspace.leaf), false);
    assert.match(log.join('\n'), /\[exit 3\] ended with exit code 3/);
  });

  it('goes on with what another one had begun that was killed as well, but runs nothing again', async () => {
    const workspace = makeFilled(1);
    const options: LedgerOptions = { ...DEFAULT_JOB_OPTIONS, onFailure: [{ run: `touch ${top}/said` }] };
    const directory = leave([entryOf(workspace, { options })]);
    renameSync(join(directory, 'ledger'), join(directory, `ledger.${NOBODY}.1`));
    await sweep(top, world);
    assert.deepEqual(
      [workspace.leaf, directory].map((path) => existsSync(path)),
      [false, false],
    );
    assert.equal(existsSync(join(top, 'said')), false);
  });

  it('does nothing by halves when the environment of a command cannot be had', async () => {
    const workspace = makeFilled(1);
    const options: LedgerOptions = { ...DEFAULT_JOB_OPTIONS, onFailure: [{ run: 'true' }] };
    const directory = leave([entryOf(workspace, { options }), entryOf(makeFilled(2))]);
    await sweep(top, { ...world, environment: () => Promise.reject(new Error('nobody knows it')) });
    assert.ok(existsSync(directory) && existsSync(workspace.cwd));
    assert.match(log.join(), /was left: Error: nobody knows it/);
  });
});
