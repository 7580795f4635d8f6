import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Config } from '../../core/config.ts';
import { tightenModes } from '../../server/deployment-files.ts';
import type { Log } from '../../server/log.ts';

describe('the modes of a manager’s directories', () => {
  let top = '';
  let managerDir = '';
  let uploadDir = '';
  let told: string[] = [];
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'wr-modes-'));
    managerDir = join(top, 'wr_production');
    uploadDir = join(managerDir, 'uploads');
    told = [];
    make(managerDir, 0o777);
  });
  afterEach(() => rmSync(top, { recursive: true }));

  const tell =
    (level: string) =>
    (text: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      told.push([level, text, ...Object.values(fields)].join(' ').replaceAll(`${top}/`, ''));
    };
  const tightened = (): void =>
    tightenModes(
      { managerDir, uploadDir } as Config,
      { info: tell('info'), warn: tell('warn') } as unknown as Log,
    );
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  function make(path: string, mode: number): void {
    mkdirSync(path);
    chmodSync(path, mode);
  }

  it('keep all but the right of others to write, and it is told what was changed', () => {
    tightened();
    assert.equal(modeOf(managerDir), '755');
    assert.deepEqual(told, ['info the mode of a directory was changed wr_production 0777 0755']);
    tightened();
    assert.equal(told.length, 1, 'nothing was to be done any more');
  });

  it('are private for all directories of uploads', () => {
    chmodSync(managerDir, 0o700);
    make(uploadDir, 0o777);
    make(join(uploadDir, 'a'), 0o700);
    make(join(uploadDir, 'a', 'b'), 0o755);
    writeFileSync(join(uploadDir, 'a', 'file'), '', { mode: 0o644 });
    tightened();
    assert.deepEqual([uploadDir, join(uploadDir, 'a', 'b'), join(uploadDir, 'a', 'file')].map(modeOf), [
      '700',
      '700',
      '644',
    ]);
    assert.deepEqual(told, [
      'info the mode of a directory was changed wr_production/uploads 0777 0700',
      'info the mode of a directory was changed wr_production/uploads/a/b 0755 0700',
    ]);
  });

  it('stay as they are behind a symbolic link, which is warned of', () => {
    const target = join(top, 'target');
    make(target, 0o777);
    make(join(target, 'inner'), 0o777);
    symlinkSync(target, uploadDir);
    rmSync(managerDir, { recursive: true });
    symlinkSync(target, managerDir);
    symlinkSync(target, join(target, 'uploads'));
    tightened();
    assert.deepEqual([modeOf(target), modeOf(join(target, 'inner'))], ['777', '777']);
    assert.equal(told.length, 2);
    for (const [i, name] of ['wr_production ', 'wr_production/uploads'].entries())
      assert.match(`${told[i]} `, new RegExp(`^warn a directory is a symbolic link: .* ${name}`));
  });
});
