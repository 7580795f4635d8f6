import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client } from '../../cli/client.ts';
import { checkSelectors, resolveSelectors } from '../../cli/select.ts';
import type { SelectFlags } from '../../cli/select-flags.ts';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import type { Selector } from '../../core/selector.ts';
import { FakeLink, fakeContext } from './fake-link.ts';

/** A manager that knows these keys. */
function knowing(keys: readonly string[]): FakeLink {
  return new FakeLink((request) => {
    assert.ok(request.type === 'status' && request.select.by === 'keys');
    const asked = Buffer.from(request.select.keys).toString('hex').match(/.{32}/g) ?? [];
    const lines = [...new Set(asked)].filter((key) => keys.includes(key)).map((key) => `${key}\tready\n`);
    return { type: 'plainPage', id: request.id, text: Buffer.from(lines.join('')), buried: 0, last: true };
  });
}

async function resolve(flags: SelectFlags, keys: readonly string[] = []) {
  const context = fakeContext(knowing(keys));
  const around = { cwd: '/here', deployment: 'production', log: context.log, needed: true };
  const selectors = await resolveSelectors(flags, new Client(knowing(keys)), around);
  return { selectors: selectors.map(shown), messages: context.stderr() };
}

const shown = (select: Selector) =>
  select.by === 'keys' ? (Buffer.from(select.keys).toString('hex').match(/.{32}/g) ?? []) : select;
const key = (cmd: string, more = {}) => jobKeyHex(cmd, { ...DEFAULT_JOB_OPTIONS, ...more });

describe('checkSelectors', () => {
  it('wants exactly one, but for status none is everything', () => {
    assert.throws(() => checkSelectors({}, true), /one of -f, -i, -l or -a is required/);
    assert.throws(() => checkSelectors({ identifier: 'a', all: true }, true), /mutually exclusive/);
    assert.throws(() => checkSelectors({ identifier: 'a', file: 'f' }, false), /mutually exclusive/);
    checkSelectors({}, false);
    checkSelectors({ all: true }, true);
  });

  it('wants -i for -z and -y, and an image for container mounts', () => {
    assert.throws(() => checkSelectors({ search: true }, false), /need -i/);
    assert.throws(
      () => checkSelectors({ cmdline: 'a', containerMounts: '/a' }, false),
      /needs --with_docker/,
    );
    assert.throws(
      () => checkSelectors({ cmdline: 'a', withDocker: 'a', withSingularity: 'b' }, false),
      /exclusive/,
    );
  });
});

describe('resolveSelectors', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'wr-select-'));
  });
  after(() => rmSync(directory, { recursive: true }));
  const file = (content: string | Uint8Array): string => {
    const path = join(directory, 'commands');
    writeFileSync(path, content);
    return path;
  };

  it('takes groups, parts of their names, ids and everything', async () => {
    assert.deepEqual((await resolve({ identifier: 'g' })).selectors, [
      { by: 'repGroup', repGroup: 'g', search: false },
    ]);
    assert.deepEqual((await resolve({ identifier: 'g', search: true })).selectors, [
      { by: 'repGroup', repGroup: 'g', search: true },
    ]);
    assert.deepEqual((await resolve({ all: true })).selectors, [{ by: 'all' }]);
    const id = key('a');
    assert.deepEqual((await resolve({ identifier: id, internal: true, search: true })).selectors, [[id]]);
    await assert.rejects(resolve({ identifier: 'xyz', internal: true }), /32 hex digits/);
  });

  it('finds a command by its text, with the directory in both ways, mounts and container', async () => {
    assert.deepEqual((await resolve({ cmdline: 'a' }, [key('a')])).selectors, [[key('a')]]);
    assert.deepEqual((await resolve({ cmdline: 'a' }, [])).selectors, []);
    const inDirectory = key('a', { cwd: '/d', cwdMatters: true });
    assert.deepEqual((await resolve({ cmdline: 'a', cwd: '/d' }, [inDirectory])).selectors, [[inDirectory]]);
    assert.deepEqual((await resolve({ cmdline: 'a', cwd: '/d' }, [key('a')])).selectors, [[key('a')]]);
    const mounted = key('a', { mounts: [{ Targets: [{ Path: 'b' }] }] });
    assert.deepEqual((await resolve({ cmdline: 'a', mounts: 'ur:b' }, [mounted])).selectors, [[mounted]]);
    const contained = key('a', { withDocker: 'img', containerMounts: '/x' });
    assert.deepEqual(
      (await resolve({ cmdline: 'a', withDocker: 'img', containerMounts: '/x' }, [contained])).selectors,
      [[contained]],
    );
  });

  it('reads a file as wr add does, in its order, and counts what does not exist', async () => {
    const matters = key('c', { cwd: '/d', cwdMatters: true });
    const path = file('a\r\n\nb\t{"memory":"1G"}\n{"cmd":"c","cwd":"/d","cwd_matters":true}\nmissing\na\n');
    const { selectors, messages } = await resolve({ file: path }, [matters, key('b'), key('a')]);
    assert.deepEqual(selectors, [[key('a'), key('b'), matters]]);
    assert.match(messages, /WARN\[.*\] 1\/5 cmds were not found/);
  });

  it('finds what was added with a directory that mattered, also when the line does not say so', async () => {
    const matters = key('a', { cwd: '/here', cwdMatters: true });
    assert.deepEqual((await resolve({ file: file('a\n') }, [matters])).selectors, [[matters]]);
  });

  it('knows commands that are no text by their bytes', async () => {
    const bytes = Buffer.from([0x65, 0xff, 0xfe, 0x41]);
    const id = jobKeyHex(bytes, DEFAULT_JOB_OPTIONS);
    assert.deepEqual((await resolve({ file: file(bytes) }, [id])).selectors, [[id]]);
  });

  it('names the line of what is wrong in a file', async () => {
    await assert.rejects(
      resolve({ file: file('a\n\nb\t{}\tc\n') }),
      /line 3: there are more than two columns/,
    );
    await assert.rejects(
      resolve({ file: file('a\n{"cmd":"b","priority":999}\n') }),
      /line 2: priority value \(999\)/,
    );
    await assert.rejects(resolve({ file: join(directory, 'none') }), { code: 'BAD_INPUT' });
  });
});
