import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { RelativePathCheck, relativeWord } from '../../cli/relative-paths.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';

const ENTRIES = new Set(['file', 'subdir', 'program']);
const word = (cmd: string) => relativeWord(cmd, ENTRIES, (name) => name === 'program');

describe('relativeWord', () => {
  it('finds names of entries, patterns that match them and values that are them', () => {
    for (const cmd of [
      'cmd file',
      'cmd $(cat file)',
      'cmd foo=file',
      'cmd && cat file',
      'echo file; true',
      'cmd *',
      'cmd ./f*',
      'cmd ?ile',
      'cmd ./subdir/*',
      'cmd "file"',
    ]) {
      assert.notEqual(word(cmd), null, cmd);
    }
  });

  it('lets absolute paths, other directories and what matches nothing pass', () => {
    for (const cmd of [
      'cmd /x/file',
      'cmd $(cat /x/file)',
      'cmd foo=/x/file',
      'echo ../file',
      'cmd x*',
      'cmd ./x/*',
      'cmd files',
      'program x',
    ]) {
      assert.equal(word(cmd), null, cmd);
    }
  });
});

describe('RelativePathCheck', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'wr-relative-'));
    writeFileSync(join(directory, 'file'), '');
    mkdirSync(join(directory, 'subdir'));
  });
  after(() => rmSync(directory, { recursive: true }));
  const warningsOf = (lines: string, options = {}) => {
    const check = new RelativePathCheck(
      { ...DEFAULT_JOB_OPTIONS, cwd: directory, ...options },
      { cwd: directory, env: { PATH: '/bin' } },
    );
    check.look(Buffer.from(lines));
    check.look(Buffer.from(lines));
    return check.warnings;
  };

  it('warns once, whatever the shape of the line', () => {
    assert.equal(warningsOf('true\ncat file\ncat file\n').length, 1);
    assert.equal(warningsOf('{"cmd":"cat file"}\n').length, 1);
    assert.equal(warningsOf('cat file\t{"memory":"1G"}\n').length, 1);
  });

  it('keeps still where the directory matters, or is another', () => {
    assert.deepEqual(warningsOf('cat file\n', { cwdMatters: true }), []);
    assert.deepEqual(warningsOf('cat file\t{"cwd_matters":true}\n'), []);
    assert.deepEqual(warningsOf('cat file\t{"cwd":"/nonexistent"}\n'), []);
  });
});
