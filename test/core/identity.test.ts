import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { hexToKey, jobKey, jobKeyHex, keyToHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';

const md5 = (text: string | Uint8Array) => createHash('md5').update(text).digest('hex');
const withOptions = (options: Partial<JobOptions>): JobOptions => ({ ...DEFAULT_JOB_OPTIONS, ...options });

describe('identity', () => {
  it('is the MD5 of the identity string', () => {
    const path = { mounts: [{ Targets: [{ Path: 'path' }] }] };
    const cases: readonly [string, Partial<JobOptions>, string][] = [
      ['a', {}, 'a.'],
      ['a', { cwd: '/somewhere' }, 'a.'],
      ['a', { cwd: 'cwd/1', cwdMatters: true }, 'cwd/1.a.'],
      ['a', path, 'a.mnt:default-path;'],
      ['a', { ...path, cwd: 'cwd/1', cwdMatters: true }, 'cwd/1.a.mnt:default-path;'],
      ['a', { withDocker: 'alpine' }, 'a..docker:alpine.'],
      ['a', { withDocker: 'alpine', containerMounts: '/out:/in' }, 'a..docker:alpine./out:/in'],
      ['a', { withSingularity: 'alpine' }, 'a..singularity:alpine.'],
      ['a', { withSingularity: 'x', withDocker: 'alpine' }, 'a..docker:alpine.'],
      ['a', { containerMounts: '/out' }, 'a.'],
      ['echo 3 && false', { cwd: '/tmp', cwdMatters: true }, '/tmp.echo 3 && false.'],
    ];
    for (const [cmd, options, text] of cases)
      assert.equal(jobKeyHex(cmd, withOptions(options)), md5(text), text);
  });

  it('sorts mount configs by their mount point and keeps the order of targets', () => {
    const mounts = [
      { Mount: 'z', Targets: [{ Path: 'p2', Profile: 'mine' }, { Path: 'p1' }] },
      { Mount: 'b', Targets: [{ Path: 'q' }] },
    ];
    const text = 'a.b:default-q;z:mine-p2;default-p1;';
    assert.equal(jobKeyHex('a', withOptions({ mounts })), md5(text));
  });

  it('hashes the bytes of a command, whatever their encoding', () => {
    const cmd = Uint8Array.from([0x65, 0xff, 0xfe]);
    assert.equal(keyToHex(jobKey(cmd, withOptions({}))), md5(Buffer.concat([cmd, Buffer.from('.')])));
    assert.equal(jobKeyHex('é', withOptions({})), jobKeyHex(Buffer.from('é'), withOptions({})));
  });

  it('does not depend on what is not part of it', () => {
    const other = withOptions({
      repGroup: 'x',
      env: ['A=1'],
      priority: 9,
      memoryMb: 5,
      deps: ['d'],
      cwd: '/elsewhere',
    });
    assert.equal(jobKeyHex('a', other), jobKeyHex('a', withOptions({})));
  });

  it('turns hex into bytes and back, and takes nothing else for a key', () => {
    const hex = md5('a.');
    assert.equal(keyToHex(hexToKey(hex.toUpperCase()) as Uint8Array), hex);
    for (const text of ['', 'abc', `${hex}0`, `g${hex.slice(1)}`]) assert.equal(hexToKey(text), null);
  });
});
