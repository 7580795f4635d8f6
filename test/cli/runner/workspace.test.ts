import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
import { chooseSeed, pick, seeded } from '../../random.ts';
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

  it('removes what something puts into it while it is being removed', async () => {
    const space = workspaces.make(base, keyOf(2));
    // So many that others get a turn in between.
    for (let i = 0; i < 150; i += 1) writeFileSync(join(space.cwd, `f${i}`), '');
    const removing = workspaces.remove(space);
    assert.ok(existsSync(space.cwd));
    writeFileSync(join(space.cwd, 'late'), '');
    writeFileSync(join(space.leaf, 'later'), '');
    assert.deepEqual(await removing, []);
    assert.equal(existsSync(space.leaf), false);
  });

  it('removes what a command closed to its own user, be it the leaf itself', (t) => {
    const ordinary = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    chmodSync(top, 0o777);
    const script = `
      const { Workspaces } = await import(${JSON.stringify(new URL('../../../cli/runner/workspace.js', import.meta.url).href)});
      const { chmodSync, writeFileSync } = await import('node:fs');
      const space = new Workspaces(Math.random).make(${JSON.stringify(base)}, ${JSON.stringify(keyOf(2))});
      writeFileSync(space.cwd + '/f', '');
      for (const path of [space.cwd, space.leaf]) chmodSync(path, 0);
      console.log(JSON.stringify(await new Workspaces(Math.random).remove(space)));`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      ...ordinary,
    });
    if (ran.stderr.includes('EACCES')) return t.skip('other users cannot read this project here');
    assert.equal(ran.stdout, '[]\n', ran.stderr);
    assert.deepEqual(readdirSync(join(base, 'wr_cwd', ...keyOf(2).slice(0, 3))), []);
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

  it('leaves what is mounted below: other file systems, and the same one bound there', async (t) => {
    const precious = join(top, 'precious');
    mkdirSync(join(precious, 'deep'), { recursive: true });
    writeFileSync(join(precious, 'deep', 'file'), 'data');
    const space = workspaces.make(base, keyOf(9));
    const places = ['bound', 'tmpfs', 'file'].map((name) => join(space.cwd, name));
    const [bound = '', tmpfs = '', file = ''] = places;
    for (const path of [bound, tmpfs]) mkdirSync(path);
    writeFileSync(file, '');
    writeFileSync(join(space.cwd, 'own'), '');
    const mounted: string[] = [];
    try {
      for (const [to, ...words] of [
        [bound, '--bind', precious],
        [tmpfs, '-t', 'tmpfs', 'none'],
        [file, '--bind', join(precious, 'deep', 'file')],
      ]) {
        if (!mount(words, to as string)) return t.skip('nothing can be mounted here');
        mounted.push(to as string);
      }
      writeFileSync(join(tmpfs, 'kept'), 'data');
      const problems = await workspaces.remove(space);
      assert.equal(problems.length, 3, problems.join('\n'));
      assert.match(problems.join('\n'), /bound was left: something is mounted there/);
      assert.match(problems.join('\n'), /tmpfs was left: something is mounted there/);
      assert.equal(readFileSync(join(precious, 'deep', 'file'), 'utf8'), 'data');
      assert.equal(readFileSync(join(tmpfs, 'kept'), 'utf8'), 'data');
      assert.deepEqual(readdirSync(space.cwd).sort(), ['bound', 'file', 'tmpfs']);
    } finally {
      for (const path of mounted) spawnSync('umount', [path]);
    }
    assert.deepEqual(await workspaces.remove(space), []);
    assert.ok(existsSync(join(precious, 'deep', 'file')));
  });

  it('leaves a leaf over which something was mounted, be it itself', async (t) => {
    const space = workspaces.make(base, keyOf(10));
    writeFileSync(join(space.cwd, 'kept'), 'data');
    if (!mount(['--bind', space.leaf], space.leaf)) return t.skip('nothing can be mounted here');
    try {
      assert.match((await workspaces.remove(space)).join(), /something is mounted there/);
      assert.ok(existsSync(join(space.cwd, 'kept')));
    } finally {
      spawnSync('umount', [space.leaf]);
    }
  });

  it('never removes what it did not make, over generated trees with links, mounts and other workspaces', async () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    const outside = join(top, 'outside');
    mkdirSync(outside);
    grow(outside, 3, random, []);
    const before = contents(outside);
    const targets = [outside, ...before.map((name) => join(outside, name)), base, '/'];
    const others = new Workspaces(Math.random);
    try {
      for (let round = 0; round < 20; round += 1) {
        const space = workspaces.make(base, keyOf(100 + round));
        grow(space.cwd, 3, random, targets);
        grow(space.tmp, 2, random, targets);
        const spared = plant(space.cwd, random, others, outside);
        const problems = await workspaces.remove(space);
        assert.deepEqual(contents(outside), before, `seed ${seed}`);
        for (const path of spared) assert.ok(existsSync(path), `seed ${seed}: ${path}`);
        assert.equal(problems.length > 0, spared.length > 0, `seed ${seed}: ${problems.join('\n')}`);
        assert.equal(existsSync(space.leaf), spared.length > 0, `seed ${seed}`);
      }
    } finally {
      for (const path of planted.splice(0)) spawnSync('umount', [path]);
    }
  });
});

/** Files, directories and links to anywhere, some of them closed to their owner. */
function grow(at: string, depth: number, random: () => number, targets: readonly string[]): void {
  for (let i = 0; i < 4; i += 1) {
    const path = join(at, `n${i}`);
    const kind = random();
    if (kind < 0.3) writeFileSync(path, 'data');
    else if (kind < 0.6 && depth > 0) {
      mkdirSync(path);
      grow(path, depth - 1, random, targets);
      if (kind < 0.35 && targets.length > 0) chmodSync(path, 0o000);
    } else if (targets.length > 0) symlinkSync(targets[pick(random, targets.length)] as string, path);
  }
}

const planted: string[] = [];

/** What is to be spared in some trees: workspaces of other commands, and mounts where they can be made. @returns them */
function plant(at: string, random: () => number, others: Workspaces, outside: string): string[] {
  const kind = random();
  if (kind < 0.4) return [];
  const path = join(at, 'planted');
  mkdirSync(path);
  if (kind < 0.7 || !mount(['--bind', outside], path)) {
    const { cwd } = others.make(path, keyOf(7));
    writeFileSync(join(cwd, 'result'), 'data');
    return [join(cwd, 'result')];
  }
  planted.push(path);
  return [path];
}

function contents(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}

function mount(words: readonly string[], to: string): boolean {
  return spawnSync('mount', [...words, to], { stdio: 'ignore' }).status === 0;
}
