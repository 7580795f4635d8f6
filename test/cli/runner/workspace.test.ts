import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Workspaces } from '../../../cli/runner/workspace.ts';
import { keyOf } from './scripted-manager.ts';

let top = '';
let base = '';
let workspaces: Workspaces;

describe('workspaces', () => {
  beforeEach(() => {
    top = realpathSync(mkdtempSync(join(tmpdir(), 'wr-space-')));
    base = join(top, 'cwd');
    workspaces = new Workspaces(Math.random);
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it('makes the leaf private, and the parents as the umask says', () => {
    const { leaf, parent } = workspaces.make(base, keyOf(1));
    const umask = process.umask();
    assert.equal(statSync(leaf).mode & 0o777, 0o700);
    assert.equal(statSync(parent).mode & 0o777, 0o777 & ~umask);
    assert.deepEqual(readdirSync(leaf).sort(), ['cwd', 'tmp']);
  });

  it('gives each attempt a fresh leaf, and keeps parents that others use', async () => {
    const [first, second] = [workspaces.make(base, keyOf(1)), workspaces.make(base, keyOf(1))];
    assert.notEqual(first.leaf, second.leaf);
    assert.deepEqual(await workspaces.remove(first), []);
    workspaces.tidy();
    assert.ok(existsSync(second.cwd));
    assert.deepEqual(await workspaces.remove(second), []);
    workspaces.tidy();
    assert.deepEqual(readdirSync(base), []);
  });

  it('makes parents again that another runner removed', () => {
    workspaces.make(base, keyOf(1));
    rmSync(join(base, 'wr_cwd'), { recursive: true });
    assert.ok(existsSync(workspaces.make(base, keyOf(1)).cwd));
  });

  it('removes all that a command left in it, entered or not, whatever its name', async () => {
    const space = workspaces.make(base, keyOf(2));
    for (let i = 0; i < 300; i += 1) writeFileSync(join(space.cwd, `f${i}`), '');
    mkdirSync(join(space.cwd, 'a', 'b', 'c'), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${space.cwd}/`), Buffer.from([0xff, 0xfe])]), '');
    mkdirSync(join(space.cwd, 'closed', 'in'), { recursive: true });
    chmodSync(join(space.cwd, 'closed'), 0o000);
    writeFileSync(join(space.tmp, 'x'), '');
    assert.deepEqual(await workspaces.remove(space), []);
    assert.equal(existsSync(space.leaf), false);
  });

  it('follows no link, neither to files nor to directories', async () => {
    const outside = join(top, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'precious'), 'data');
    const space = workspaces.make(base, keyOf(3));
    symlinkSync(outside, join(space.cwd, 'dir'));
    symlinkSync(join(outside, 'precious'), join(space.cwd, 'file'));
    rmSync(space.tmp, { recursive: true });
    symlinkSync(outside, space.tmp);
    assert.deepEqual(await workspaces.remove(space), []);
    assert.equal(readFileSync(join(outside, 'precious'), 'utf8'), 'data');
  });

  it('leaves a directory that was put in the place of the one it made, and says so', async () => {
    const space = workspaces.make(base, keyOf(4));
    renameSync(space.leaf, join(top, 'moved'));
    mkdirSync(space.cwd, { recursive: true });
    writeFileSync(join(space.cwd, 'precious'), 'data');
    const problems = await workspaces.remove(space);
    assert.match(problems.join(), /is not the directory that was made for this command/);
    assert.ok(existsSync(join(space.cwd, 'precious')));
  });

  it('leaves a leaf that is a link by now', async () => {
    const outside = join(top, 'outside');
    mkdirSync(join(outside, 'cwd'), { recursive: true });
    writeFileSync(join(outside, 'cwd', 'precious'), 'data');
    const space = workspaces.make(base, keyOf(5));
    rmSync(space.leaf, { recursive: true });
    symlinkSync(outside, space.leaf);
    assert.equal((await workspaces.remove(space)).length, 1);
    assert.ok(existsSync(join(outside, 'cwd', 'precious')));
  });

  it('spares the directories of commands that the command added', async () => {
    const space = workspaces.make(base, keyOf(6));
    const inner = new Workspaces(Math.random).make(join(space.cwd, 'sub'), keyOf(7));
    writeFileSync(join(inner.cwd, 'result'), 'data');
    writeFileSync(join(space.cwd, 'own'), '');
    assert.match((await workspaces.remove(space)).join(), /belongs to other commands/);
    assert.ok(existsSync(join(inner.cwd, 'result')));
    assert.equal(existsSync(join(space.cwd, 'own')), false);
  });

  it('removes the TMPDIR alone when the rest is to stay', async () => {
    const space = workspaces.make(base, keyOf(8));
    writeFileSync(join(space.tmp, 'x'), '');
    writeFileSync(join(space.cwd, 'kept'), '');
    assert.deepEqual(await workspaces.removeTmp(space), []);
    assert.deepEqual(readdirSync(space.leaf), ['cwd']);
    assert.ok(existsSync(join(space.cwd, 'kept')));
  });

  it('never removes what it did not make, over generated trees with links', async () => {
    const seed = Date.now() % 1_000_000;
    let state = seed;
    const random = (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    const outside = join(top, 'outside');
    const tree = (at: string, depth: number, targets: string[]): void => {
      for (let i = 0; i < 4; i += 1) {
        const path = join(at, `n${i}`);
        const kind = random();
        if (kind < 0.3) writeFileSync(path, 'data');
        else if (kind < 0.6 && depth > 0) {
          mkdirSync(path);
          tree(path, depth - 1, targets);
        } else if (targets.length > 0)
          symlinkSync(targets[Math.floor(random() * targets.length)] as string, path);
      }
    };
    mkdirSync(outside);
    tree(outside, 3, []);
    const before = readdirSync(outside, { recursive: true }).sort();
    const targets = [outside, ...before.map((name) => join(outside, String(name))), base, '/'];
    for (let round = 0; round < 20; round += 1) {
      const space = workspaces.make(base, keyOf(100 + round));
      tree(space.cwd, 3, targets);
      tree(space.tmp, 2, targets);
      assert.deepEqual(await workspaces.remove(space), [], `seed ${seed}`);
      assert.equal(existsSync(space.leaf), false, `seed ${seed}`);
    }
    assert.deepEqual(readdirSync(outside, { recursive: true }).sort(), before, `seed ${seed}`);
    workspaces.tidy();
    assert.deepEqual(readdirSync(base), []);
  });
});
