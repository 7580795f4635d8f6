import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { LsfEmulation } from '../../../cli/runner/lsf-emulation.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../../core/job-options.ts';
import { NESTED, textOf, withRunner } from './harness.ts';

const BSUB: Partial<JobOptions> = { bsubMode: 'production', other: { scheduler_queue: 'long' } };

/** What a command prints, by name of what it prints; it fails, as the output of successes is not kept. */
async function shown(
  names: Readonly<Record<string, string>>,
  options: Partial<JobOptions> = BSUB,
): Promise<Readonly<Record<string, string>>> {
  let output = '';
  await withRunner(
    async ({ manager }) => {
      const prints = Object.entries(names).map(([name, word]) => `echo "${name}=${word}"`);
      const [attempt = 0] = manager.add('g', [
        { cmd: `${prints.join('; ')}; exit 1`, options, attemptsLeft: 0 },
      ]);
      await manager.untilEnded(attempt);
      output = textOf(manager.ended(attempt)?.stdout ?? new Uint8Array(0));
    },
    {
      own: new Map([
        ['PATH', '/usr/bin:/bin'],
        ['SHELL', '/bin/old'],
      ]),
    },
  );
  return Object.fromEntries(
    output
      .trim()
      .split('\n')
      .map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
  );
}

describe('a command with a bsub mode', () => {
  it('finds bsub, bjobs and bkill first, as links to wr, and they are gone afterwards', async () => {
    const links = await shown({
      bsub: '$(readlink "$(command -v bsub || ls ${PATH%%:*}/bsub)")',
      names: '$(ls -A ${PATH%%:*} | tr "\\n" " ")',
      path: '$PATH',
      dir: '$LSF_BINDIR',
    });
    assert.equal(links.bsub, NESTED.program);
    assert.equal(links.names?.trim(), 'bjobs bkill bsub');
    assert.equal(links.path, `${links.dir}:/usr/bin:/bin:${NESTED.programDir}`);
    assert.match(links.dir ?? '', /\/\.wr_lsf_emulation\w+$/);
    assert.ok(!existsSync(links.dir ?? '/'));
  });

  it('keeps the PATH it asked for behind them', async () => {
    const { path, dir } = await shown(
      { path: '$PATH', dir: '$LSF_BINDIR' },
      { ...BSUB, env: ['PATH=/bin:/usr/bin'] },
    );
    assert.equal(path, `${dir}:/bin:/usr/bin:${NESTED.programDir}`);
  });

  it('is told where the manager is, what it was given itself, and that there is no LSF', async () => {
    const { config = '', ...others } = await shown({
      config: '$WR_BSUB_CONFIG',
      host: '$WR_MANAGER_HOST',
      port: '$WR_MANAGER_PORT',
      lsf: '$LSF_SERVERDIR $LSF_LIBDIR $LSF_ENVDIR',
      shell: '$SHELL',
    });
    assert.deepEqual(others, {
      host: 'localhost',
      port: '1',
      lsf: '/dev/null /dev/null /dev/null',
      shell: '/bin/bash',
    });
    assert.deepEqual(JSON.parse(config), {
      Requirements: {
        RAM: 1024,
        Time: 3_600_000_000_000,
        Cores: 1,
        Disk: 0,
        Other: { scheduler_queue: 'long' },
      },
      BsubMode: 'production',
      Host: hostname(),
    });
  });

  it('has them in a directory of its own too, and its behaviours still find them', async () => {
    await withRunner(async ({ manager, dir }) => {
      const [attempt = 0] = manager.add('g', [
        {
          cmd: 'test -L "$LSF_BINDIR/bsub" && test -d "$TMPDIR"',
          options: {
            ...BSUB,
            onSuccess: [{ run: `test -L "$LSF_BINDIR/bkill" && echo "$LSF_BINDIR" > ${dir}/seen` }],
          },
        },
      ]);
      await manager.untilEnded(attempt);
      assert.equal(manager.ended(attempt)?.outcome, 'complete');
      assert.ok(existsSync(`${dir}/seen`));
    });
  });

  it('is buried when no directory can be made for them', async () => {
    await withRunner(async ({ manager, dir }) => {
      const [first = 0] = manager.add('g', [{ cmd: 'true' }]);
      await manager.untilEnded(first);
      // The runner's private directory stands beside the one commands work in.
      const [own = ''] = readdirSync(dirname(dir)).filter((name) => name.startsWith('wr-runner-'));
      rmSync(join(dirname(dir), own), { recursive: true });
      const [attempt = 0] = manager.add('g', [{ cmd: 'true', options: BSUB }]);
      await manager.untilEnded(attempt);
      const end = manager.ended(attempt);
      assert.deepEqual([end?.outcome, end?.reason], ['bury', 'working directory does not exist']);
      assert.match(textOf(end?.stderr ?? new Uint8Array(0)), /no directory for bsub could be made/);
      assert.ok(
        !existsSync(join(dir, 'wr_cwd')) ||
          readdirSync(join(dir, 'wr_cwd'), { recursive: true }).every(
            (name) => !String(name).endsWith('cwd'),
          ),
      );
    });
  });
});

describe('what is handed on to children', () => {
  const mounts = [{ Targets: [{ Path: 'bucket' }] }];

  it('includes mounts, unless disks are shared', () => {
    const dir = mkdtempSync(join(tmpdir(), 'wr-test-'));
    try {
      const emulation = new LsfEmulation(dir, NESTED, '/bin/sh');
      const config = (other: JobOptions['other']): Record<string, unknown> => {
        const { variables } = emulation.make({ ...DEFAULT_JOB_OPTIONS, ...BSUB, other, mounts }, '');
        return JSON.parse(new Map(variables).get('WR_BSUB_CONFIG') ?? '');
      };
      assert.deepEqual(config({}).MountConfigs, mounts);
      assert.equal(config({ cloud_shared: 'true' }).MountConfigs, undefined);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
