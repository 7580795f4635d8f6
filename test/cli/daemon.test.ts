import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { isAlive, readPidFile, waitForEnd } from '../../cli/daemon.ts';
import { causeOf, complaintsFrom, errorsSinceStart } from '../../cli/log-errors.ts';

let directory = '';
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'wr-daemon-'));
});
after(() => rmSync(directory, { recursive: true }));
const path = (name: string): string => join(directory, name);

describe('readPidFile', () => {
  it('tells no file, nonsense and strangers from managers', () => {
    assert.deepEqual(readPidFile(path('none')), { state: 'none' });
    writeFileSync(path('pid'), 'nonsense');
    assert.deepEqual(readPidFile(path('pid')), { state: 'stale', pid: null });
    writeFileSync(path('pid'), String(process.pid));
    assert.deepEqual(readPidFile(path('pid')), { state: 'stale', pid: process.pid });
  });

  it('knows a manager by its command line, unless it started after the pid was written', {
    skip: process.platform !== 'linux',
  }, async () => {
    mkdirSync(path('server'), { recursive: true });
    writeFileSync(
      path('server/main.mjs'),
      "process.stdin.resume(); process.stdin.on('end', () => process.exit()); console.log('up');",
    );
    const child = spawn(process.execPath, [path('server/main.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      const pid = child.pid ?? 0;
      writeFileSync(path('pid'), `${pid}\n`);
      assert.deepEqual(readPidFile(path('pid')), { state: 'running', pid });
      const longAgo = new Date(Date.now() - 3_600_000);
      utimesSync(path('pid'), longAgo, longAgo);
      assert.deepEqual(readPidFile(path('pid')), { state: 'stale', pid });
      assert.equal(await waitForEnd(pid, 0), false);
      child.stdin.end();
      assert.equal(await waitForEnd(pid, 10_000), true);
      assert.equal(isAlive(pid), false);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('what the log says went wrong', () => {
  const start = 't=1 lvl=info msg="wr manager 1 started on h:1" pid=1';

  it('is counted from the last start', async () => {
    writeFileSync(
      path('log'),
      `t=1 lvl=eror msg=old\n${start}\nt=2 lvl=warn msg=w\nt=3 lvl=eror msg=e\nt=4 lvl=crit msg=c\n`,
    );
    assert.deepEqual(await errorsSinceStart(path('log')), ['t=3 lvl=eror msg=e', 't=4 lvl=crit msg=c']);
  });

  it('is looked for in rotated and compressed logs too, until a start is found', async () => {
    writeFileSync(path('log'), 't=9 lvl=eror msg=new\n');
    writeFileSync(path('log-2026-01-03T00-00-00.000'), 't=8 lvl=eror msg=middle\n');
    writeFileSync(
      path('log-2026-01-02T00-00-00.000.gz'),
      gzipSync(`t=1 lvl=eror msg=before\n${start}\nt=7 lvl=eror msg=first\n`),
    );
    writeFileSync(path('log-2026-01-01T00-00-00.000.gz'), gzipSync('t=0 lvl=eror msg=older\n'));
    const errors = await errorsSinceStart(path('log'));
    assert.deepEqual(
      errors.map((line) => line.split('msg=')[1]),
      ['first', 'middle', 'new'],
    );
  });

  it('is nothing without a log', async () => {
    assert.deepEqual(await errorsSinceStart(path('absent')), []);
    assert.deepEqual(complaintsFrom(path('absent'), 0), []);
  });

  it('of a failed start includes what is no log line', () => {
    writeFileSync(path('log'), 'before\nt=1 lvl=info msg=x\nt=2 lvl=crit msg=y\nError: boom\n');
    assert.deepEqual(complaintsFrom(path('log'), 7), ['t=2 lvl=crit msg=y', 'Error: boom']);
  });

  it('gives the error that a start ended with', () => {
    const line =
      't=2 lvl=crit msg="wr manager cannot start: port 7 on \\"x\\" is in use" code=PORT_IN_USE hint="h"';
    assert.deepEqual(causeOf(['t=1 lvl=eror msg="x"', line]), {
      code: 'PORT_IN_USE',
      message: 'port 7 on "x" is in use',
      hint: 'h',
    });
    assert.equal(causeOf(['t=1 lvl=eror msg="x"']), null);
    assert.equal(causeOf([]), null);
  });
});
