import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { overridesOf, withNestedUse } from '../../../cli/runner/environment.ts';

const NESTED = { variables: {}, program: '/opt/wr/main.js', programDir: '/opt/wr', nodeDir: '/opt/node/bin' };

describe('the PATH of a command', () => {
  let withNode = '';
  before(() => {
    withNode = mkdtempSync(join(tmpdir(), 'wr-path-'));
    writeFileSync(join(withNode, 'node'), '', { mode: 0o755 });
  });
  after(() => rmSync(withNode, { recursive: true }));

  const pathOf = (path: string): string | undefined =>
    withNestedUse(new Map([['PATH', path]]), NESTED).get('PATH');

  it('leads to wr last, and to the Node that runs wr when it leads to none', () => {
    assert.equal(pathOf(`/nowhere:${withNode}`), `/nowhere:${withNode}:/opt/wr`);
    assert.equal(pathOf('/nowhere'), '/nowhere:/opt/wr:/opt/node/bin');
    assert.equal(pathOf(''), '/opt/wr:/opt/node/bin');
    assert.equal(withNestedUse(new Map(), NESTED).get('PATH'), '/opt/wr:/opt/node/bin');
  });

  it('names no directory twice, as in commands that commands add', () => {
    const once = pathOf('/nowhere') ?? '';
    assert.equal(pathOf(once), once);
    assert.equal(pathOf(`/opt/wr:${withNode}`), `/opt/wr:${withNode}`);
  });

  it('is completed also where the user sets it', () => {
    assert.equal(overridesOf({ env: ['PATH=/mine'] }, NESTED).get('PATH'), '/mine:/opt/wr:/opt/node/bin');
    assert.equal(overridesOf({ env: ['A=1'] }, NESTED).get('PATH'), undefined);
  });
});
