import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defaultCwd, JOB_FLAGS, optionsFromFlags } from '../../cli/add-options.ts';
import { parse } from '../../cli/parse.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';

const AROUND = { deployment: 'development', home: '/home/ann', cwd: '/here' };
const of = (...argv: string[]) => optionsFromFlags(parse(argv, JOB_FLAGS).flags, AROUND);

describe('optionsFromFlags', () => {
  it('is the documented defaults without flags', () => {
    assert.deepEqual(of(), { ...DEFAULT_JOB_OPTIONS, cwd: '/here' });
  });

  it('reads every flag', () => {
    const options = of(
      ...[
        '-i',
        'rg',
        '-l',
        'a:2,b,',
        '--modules',
        'm1,m2',
        '-e',
        'e1',
        '-d',
        'd1,d2',
        '--cmd_deps',
        'c1,,c2,/w',
        '-c',
        'rel',
      ],
      ...[
        '--change_home',
        '-g',
        'rq',
        '-m',
        '1.5G',
        '-t',
        '90m',
        '--cpus',
        '0.5',
        '--disk',
        '0',
        '-o',
        'higher',
        '-p',
        '255',
      ],
      ...[
        '-r',
        '0',
        '-n',
        '10m',
        '--monitor_docker',
        '?',
        '--with_docker',
        'img',
        '--container_mounts',
        '/a:/b,/c',
      ],
      ...[
        '--container_image_user',
        '--on_failure',
        '[{"run":"x"}]',
        '--on_success',
        '[{"cleanup":true}]',
        '--on_exit',
        '',
      ],
      ...[
        '--mounts',
        'ur:bucket/p',
        '--queue',
        'q1,q2',
        '--queues_avoid',
        'x,,y,',
        '--misc',
        '-R z',
        '--cloud_os',
        'o',
      ],
      ...[
        '--cloud_username',
        'u',
        '--cloud_ram',
        '512',
        '--cloud_flavor',
        'f',
        '--cloud_config_files',
        '~/a:~/b',
        '--cloud_shared',
      ],
      ...['--env', 'A=1,B=', '--group', 'g', '--reserve_timeout', '7'],
    );
    assert.deepEqual(options, {
      ...DEFAULT_JOB_OPTIONS,
      cwd: 'rel',
      repGroup: 'rg',
      limitGroups: ['a:2', 'b'],
      modules: ['m1', 'm2'],
      depGroups: ['e1'],
      deps: ['d1', 'd2'],
      cmdDeps: [
        { cmd: 'c1', cwd: '' },
        { cmd: 'c2', cwd: '/w' },
      ],
      changeHome: true,
      reqGroup: 'rq',
      memoryMb: 1536,
      memorySet: true,
      timeMs: 5_400_000,
      timeSet: true,
      cpus: 0.5,
      diskSet: true,
      override: 1,
      priority: 255,
      retries: 0,
      noRetryOverWalltimeMs: 600_000,
      monitorDocker: '?',
      withDocker: 'img',
      containerMounts: '/a:/b,/c',
      containerImageUser: true,
      onFailure: [{ run: 'x' }],
      onSuccess: [{ cleanup: true }],
      onExit: [],
      mounts: [{ Targets: [{ Path: 'bucket/p' }] }],
      env: ['A=1', 'B='],
      unixGroup: 'g',
      other: {
        scheduler_queue: 'q1,q2',
        scheduler_queues_avoid: 'x,y',
        scheduler_misc: '-R z',
        cloud_os: 'o',
        cloud_user: 'u',
        cloud_os_ram: '512',
        cloud_flavor: 'f',
        cloud_config_files: '~/a:~/b',
        cloud_shared: 'true',
        rtimeout: '7',
      },
    });
  });

  it('takes the content of a cloud script, and refuses one that cannot be read', () => {
    const directory = mkdtempSync(join(tmpdir(), 'wr-options-'));
    try {
      writeFileSync(join(directory, 's.sh'), 'echo hi\n');
      assert.deepEqual(of('--cloud_script', join(directory, 's.sh')).other, { cloud_script: 'echo hi\n' });
      assert.throws(
        () => of('--cloud_script', join(directory, 'none')),
        /--cloud_script .* could not be read/,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('makes --bsub imply --cwd_matters, unless that is switched off', () => {
    assert.deepEqual([of('--bsub').bsubMode, of('--bsub').cwdMatters], ['development', true]);
    assert.equal(of('--bsub', '--cwd_matters=false').cwdMatters, false);
  });

  it('takes blank memory and time as what is usual', () => {
    const options = of('-m', '', '-t', '');
    assert.deepEqual(
      [options.memoryMb, options.memorySet, options.timeMs, options.timeSet],
      [1000, false, 3_600_000, false],
    );
  });

  it('names flag, value and accepted form of what is wrong', () => {
    assert.throws(() => of('-m', '10'), /--memory value \(10\) .* unit/);
    assert.throws(() => of('-t', '1d'), /--time value \(1d\)/);
    assert.throws(() => of('-p', '256'), /--priority value \(256\) is not in the range 0\.\.255/);
    assert.throws(() => of('-r', '-1'), /--retries value \(-1\) is not in the range 0\.\.255/);
    assert.throws(() => of('--cpus', '-1'), /--cpus value \(-1\) .* not be negative/);
    assert.throws(() => of('-o', 'maybe'), /--override value \(maybe\)/);
    assert.throws(() => of('--env', 'HOME'), /use HOME=\$HOME/);
    assert.throws(() => of('--cmd_deps', 'a'), /--cmd_deps/);
    assert.throws(() => of('--on_exit', '{'), /--on_exit/);
    assert.throws(() => of('--container_mounts', '/a:/b:ro'), /--container_mounts/);
    assert.throws(() => of('--with_docker', 'a', '--with_singularity', 'b'), /mutually exclusive/);
    assert.throws(() => of('--mounts', 'ur:a', '-j', '[]'), /mutually exclusive/);
  });
});

describe('defaultCwd', () => {
  it('is the directory of the surrounding job, where there is one', () => {
    assert.equal(defaultCwd('/here', { WR_JOB_CWD: '/there' }), '/there');
    assert.equal(defaultCwd('/here', { WR_JOB_CWD: 'relative' }), '/here');
    assert.equal(defaultCwd('/here', {}), '/here');
  });
});
