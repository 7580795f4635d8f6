import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeDirectories } from '../../cli/make-directories.ts';

describe('makeDirectories', () => {
  it('makes what is missing, with the mode asked for, and nothing when all is there', () => {
    const base = mkdtempSync(join(tmpdir(), 'wr-test-'));
    try {
      const path = join(base, 'a', 'b', 'c');
      makeDirectories(path, 0o700);
      makeDirectories(path, 0o700);
      assert.equal(statSync(join(base, 'a')).mode & 0o777, 0o700);
    } finally {
      rmSync(base, { recursive: true });
    }
  });

  it('fails where a file is in the way', () => {
    const base = mkdtempSync(join(tmpdir(), 'wr-test-'));
    try {
      writeFileSync(join(base, 'file'), '');
      assert.throws(() => makeDirectories(join(base, 'file', 'sub')), { code: 'ENOTDIR' });
    } finally {
      rmSync(base, { recursive: true });
    }
  });

  it('fails, instead of trying for ever, where the system takes no directories', {
    skip: !existsSync('/proc/self') && 'no /proc here',
  }, () => {
    assert.throws(() => makeDirectories('/proc/nope/deeper'), { code: 'ENOENT' });
  });
});
