import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { claimPidFile, releasePidFile } from '../../server/pid-file.ts';

/** Claims a file under a name that looks like a manager's, tells what came of it, and stays until its stdin ends. */
const CLAIM = `
import { claimPidFile } from ${JSON.stringify(new URL('../../server/pid-file.js', import.meta.url).href)};
try { claimPidFile(process.argv[1]); console.log('claimed'); }
catch (error) { console.log(error.code); }
process.stdin.resume();
process.stdin.on('end', () => process.exit());
`;

describe('the pid file', () => {
  let dir: string;
  let path: string;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'wr-pid-'));
    path = join(dir, 'pid');
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('is taken over from a process that is gone, and released by its owner only', () => {
    writeFileSync(path, '999999999\n');
    claimPidFile(path);
    assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`);
    releasePidFile(path);
    writeFileSync(path, '1\n');
    releasePidFile(path);
    assert.equal(readFileSync(path, 'utf8'), '1\n');
    assert.deepEqual(readdirSync(dir), ['pid']);
  });

  it('goes to exactly one of several that find a stale one at the same time', async () => {
    writeFileSync(path, '999999999\n');
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', CLAIM, path, 'server/main'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const said = await Promise.all(
      children.map(
        (child) =>
          new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim()))),
      ),
    );
    const owner = Number(readFileSync(path, 'utf8'));
    for (const child of children) child.stdin.end();
    assert.equal(said.filter((word) => word === 'claimed').length, 1, said.join(' '));
    assert.equal(children[said.indexOf('claimed')]?.pid, owner);
    assert.equal(said.filter((word) => word === 'ALREADY_RUNNING').length, 5, said.join(' '));
  });

  it('says so where it cannot be written', () => {
    assert.throws(() => claimPidFile(join(dir, 'nowhere', 'pid')), {
      code: 'CANNOT_START',
      message: /nowhere\/pid/,
    });
  });
});
