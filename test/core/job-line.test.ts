import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineReader, lineOptions } from '../../core/job-line.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { UnknownMembers } from '../../core/json-values.ts';

function makeReader(defaults: Partial<JobOptions> = {}) {
  const unknown = new UnknownMembers();
  const readText = (path: string): string => {
    if (path === '/script') return '#!/bin/sh\n';
    throw new Error('no such file');
  };
  const reader = new LineReader(
    { ...DEFAULT_JOB_OPTIONS, ...defaults },
    { deployment: 'development', readText, unknown },
  );
  return { reader, unknown };
}

/** The options of a second column, over defaults. */
function read(json: object | string, defaults: Partial<JobOptions> = {}): JobOptions {
  return lineOptions(
    makeReader(defaults).reader.options(typeof json === 'string' ? json : JSON.stringify(json)),
  );
}

function refuses(run: () => unknown, ...parts: readonly string[]): void {
  assert.throws(run, (error: Error & { code?: string }) => {
    assert.equal(error.code, 'BAD_OPTION');
    for (const part of parts) assert.ok(error.message.includes(part), `"${error.message}" lacks "${part}"`);
    return true;
  });
}

describe('a JSON line', () => {
  it('sets every option that there is a key for', () => {
    const given = read({
      cwd: '/d',
      change_home: true,
      rep_grp: 'r',
      req_grp: 'q',
      group: 'u',
      memory: '2G',
      time: '2h',
      no_retry_over_walltime: '30m',
      cpus: 0.5,
      disk: 0,
      override: 2,
      priority: 255,
      retries: 0,
      limit_grps: ['l:3', ''],
      dep_grps: ['g'],
      deps: ['d'],
      cmd_deps: [{ cmd: 'c' }],
      modules: ['m'],
      env: ['A=1'],
      on_failure: [{ run: 'f' }],
      on_success: [{ remove: true }],
      on_exit: [{ nothing: true }],
      mounts: [{ Targets: [{ Path: 'p' }] }],
      monitor_docker: '?',
      with_docker: 'i',
      with_singularity: 's',
      container_mounts: '/a:/b',
      container_image_user: true,
      bsub_mode: true,
      queue: 'long',
      queues_avoid: 'a,,b',
      misc: '-x',
      cloud_os: 'os',
      cloud_username: 'me',
      cloud_ram: 0,
      cloud_flavor: 'f',
      cloud_script: '/script',
      cloud_config_files: 'a:b',
      cloud_shared: true,
      reserve_timeout: 5,
    });
    assert.deepEqual(given, {
      ...DEFAULT_JOB_OPTIONS,
      cwd: '/d',
      changeHome: true,
      repGroup: 'r',
      reqGroup: 'q',
      unixGroup: 'u',
      memoryMb: 2048,
      memorySet: true,
      timeMs: 7_200_000,
      timeSet: true,
      noRetryOverWalltimeMs: 1_800_000,
      cpus: 0.5,
      diskGb: 0,
      diskSet: true,
      override: 2,
      priority: 255,
      retries: 0,
      limitGroups: ['l:3'],
      depGroups: ['g'],
      deps: ['d'],
      cmdDeps: [{ cmd: 'c', cwd: '' }],
      modules: ['m'],
      env: ['A=1'],
      onFailure: [{ run: 'f' }],
      onSuccess: [{ remove: true }],
      onExit: [{ nothing: true }],
      mounts: [{ Targets: [{ Path: 'p' }] }],
      monitorDocker: '?',
      withDocker: 'i',
      withSingularity: 's',
      containerMounts: '/a:/b',
      containerImageUser: true,
      bsubMode: 'development',
      other: {
        scheduler_queue: 'long',
        scheduler_queues_avoid: 'a,b',
        scheduler_misc: '-x',
        cloud_os: 'os',
        cloud_user: 'me',
        cloud_os_ram: '0',
        cloud_flavor: 'f',
        cloud_script: '#!/bin/sh\n',
        cloud_config_files: 'a:b',
        cloud_shared: 'true',
        rtimeout: '5',
      },
    } satisfies JobOptions);
  });

  it('takes keys in any case, the exact spelling first', () => {
    assert.equal(read('{"Memory":"2G"}').memoryMb, 2048);
    assert.equal(read('{"MEMORY":"2G","memory":"3G","Memory":"4G"}').memoryMb, 3072);
    assert.equal(read('{"PRIORITY":7}').priority, 7);
    assert.equal(makeReader().reader.job('{"Cmd":"a"}').cmd, 'a');
    assert.equal(makeReader().reader.job('{"CMD":"b","cmd":"a"}').cmd, 'a');
  });

  it('leaves the defaults where a value is empty or null', () => {
    const defaults = {
      limitGroups: ['l'],
      env: ['A=1'],
      memoryMb: 5,
      depGroups: ['g'],
      cwd: '/d',
      deps: ['x'],
      priority: 9,
    };
    const given = read(
      {
        limit_grps: [],
        env: [],
        memory: '',
        dep_grps: [''],
        cwd: '',
        deps: [],
        cmd_deps: [],
        priority: null,
        on_exit: [],
        rep_grp: '',
      },
      defaults,
    );
    assert.deepEqual(given, { ...DEFAULT_JOB_OPTIONS, ...defaults });
    assert.equal(read({ memory: '' }).memorySet, false);
  });

  it('only switches on', () => {
    const given = read({ cwd_matters: false, change_home: false, cloud_shared: false }, { changeHome: true });
    assert.equal(given.changeHome, true);
    assert.deepEqual(given.other, {});
  });

  it('drops both kinds of default dependencies when it gives either', () => {
    const defaults = { deps: ['d'], cmdDeps: [{ cmd: 'c', cwd: '' }] };
    const own = [{ cmd: 'x', cwd: '' }];
    assert.deepEqual(read({ deps: ['e'] }, defaults).cmdDeps, []);
    assert.deepEqual(read({ cmd_deps: own }, defaults).deps, []);
    assert.deepEqual(read({ cmd_deps: own, deps: ['e'] }, defaults).cmdDeps, own);
    assert.deepEqual(read({ deps: ['e'], cmd_deps: own }, defaults).deps, ['e']);
    assert.deepEqual(read({ memory: '1G' }, defaults).deps, ['d']);
  });

  it('takes a command in its own directory without its clean-up', () => {
    assert.deepEqual(read({ cwd_matters: true }).onExit, []);
    const own = read({ on_failure: [{ cleanup_all: true }, { run: 'x' }] }, { cwdMatters: true });
    assert.deepEqual([own.onFailure, own.onExit], [[{ run: 'x' }], []]);
    assert.deepEqual(makeReader({ cwdMatters: true }).reader.plain().options.onExit, []);
  });

  it('needs a command', () => {
    for (const json of ['{}', '{"cmd":""}', '{"cmd":null}', '{"memory":"1G"}']) {
      refuses(() => makeReader().reader.job(json), 'cmd was not specified');
    }
    refuses(() => makeReader().reader.job('{"cmd":1}'), 'cmd value (1) must be a string');
    refuses(() => makeReader().reader.job('{"cmd":"a\\u0000b"}'), 'cmd holds a NUL');
  });

  it('ignores the command of a second column', () => {
    assert.deepEqual(read('{"cmd":1}'), DEFAULT_JOB_OPTIONS);
  });

  it('is refused when it is no JSON object', () => {
    refuses(() => makeReader().reader.job('{ echo a; }'), 'begin a command like that with a blank');
    for (const json of ['', '[]', '1', 'null', '{"a":}', '{} x'])
      refuses(() => makeReader().reader.options(json), 'JSON object');
    refuses(() => makeReader().reader.options('"s"'), '{"memory":"2G"}, not the string "s"');
  });

  it('is refused when a number in it is too large for one', () => {
    for (const key of ['cpus', 'priority', 'disk'])
      refuses(() => makeReader().reader.options(`{"${key}":1e400}`), `${key} value (Infinity)`, 'number');
  });

  it('is refused naming key, value and accepted form', () => {
    const cases: readonly [object, ...string[]][] = [
      [{ priority: 256 }, 'priority value (256) is not in the range 0..255'],
      [{ priority: -1 }, 'priority value (-1) is not in the range 0..255'],
      [{ retries: 300 }, 'retries value (300) is not in the range 0..255'],
      [{ override: 3 }, 'override value (3) is not in the range 0..2'],
      [{ override: 'always' }, 'override', 'a number'],
      [{ priority: '5' }, 'priority value (5) must be a number, not a string'],
      [{ priority: 1.5 }, 'priority value (1.5)', 'whole number'],
      [{ memory: 1024 }, 'memory value (1024) must be a string, not a number'],
      [{ memory: '1024' }, 'memory value (1024) was not specified correctly: ', '500M'],
      [{ time: '1d' }, 'time value (1d) was not specified correctly: ', '1h30m'],
      [{ no_retry_over_walltime: 'x' }, 'no_retry_over_walltime value (x)'],
      [{ cpus: -1 }, 'cpus value (-1)', 'negative'],
      [{ cpus: '1' }, 'cpus', 'a number'],
      [{ disk: -1 }, 'disk value (-1) is not in the range'],
      [{ disk: 1.5 }, 'disk', 'whole number'],
      [{ cloud_ram: '1' }, 'cloud_ram', 'a number'],
      [{ cwd_matters: 1 }, 'cwd_matters value (1) must be true or false'],
      [{ limit_grps: 'a' }, 'limit_grps value (a) must be an array, not a string'],
      [{ deps: [1] }, 'deps element value (1) must be a string'],
      [{ env: ['HOME'] }, 'env value (HOME)', 'HOME=$HOME'],
      [{ env: [''] }, 'env', 'NAME=value'],
      [{ container_mounts: '/a:/b:ro' }, 'container_mounts', '/a:/b:ro'],
      [{ on_exit: [null] }, 'on_exit element', 'null'],
      [{ mounts: {} }, 'mounts', 'an array'],
      [{ cmd_deps: [1] }, 'cmd_deps element'],
      [{ bsub_mode: 'somewhere' }, 'bsub_mode value (somewhere)', 'production'],
      [{ cloud_script: '/none' }, 'path [/none] could not be read: no such file'],
      [{ cwd: ['/x'] }, 'cwd', 'a string', 'an array'],
    ];
    for (const [json, ...parts] of cases) refuses(() => read(json), ...parts);
  });

  it('is refused, not followed, when nested without end', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    refuses(() => read(`{"limit_grps":${deep}}`), 'limit_grps');
    refuses(() => read(`{"deps":${deep}}`), 'deps');
    assert.deepEqual(read(`{"unheard_of":${deep}}`), DEFAULT_JOB_OPTIONS);
  });

  it('notes members that mean nothing, each once and not without end', () => {
    const { reader, unknown } = makeReader();
    for (let line = 0; line < 100; line += 1) reader.options(`{"colour":1,"__proto__":2,"member${line}":3}`);
    assert.equal(unknown.names.length, 20);
    assert.deepEqual(unknown.names.slice(0, 3), ['colour', '__proto__', 'member0']);
  });
});

describe('the lines of one input', () => {
  it('share a template when they say the same, in whatever words', () => {
    const { reader } = makeReader();
    const lines = [
      '{"memory":"2G","cpus":1}',
      '{"cpus":1,"memory":"2048M"}',
      '{"memory":"2G","priority":5}',
      '{"memory":"2G","dep_grps":["a"]}',
    ];
    assert.deepEqual(
      lines.map((line) => reader.options(line).template.index),
      [0, 0, 0, 0],
    );
    assert.equal(reader.options('{"memory":"3G"}').template.index, 1);
    assert.equal(reader.plain().index, 2);
    assert.equal(reader.options('{"priority":1}').template.index, 2);
    assert.equal(reader.templates.length, 3);
  });

  it('are never confused by values that look like more than one', () => {
    const { reader } = makeReader();
    const pairs: readonly [object, object][] = [
      [{ modules: ['a', 'b'] }, { modules: ['a,1:b'] }],
      [{ rep_grp: 'a', req_grp: 'b' }, { rep_grp: 'areq_grp"1:b' }],
      [{ queue: '1' }, { misc: '1' }],
    ];
    for (const [a, b] of pairs) {
      assert.notEqual(
        reader.options(JSON.stringify(a)).template.index,
        reader.options(JSON.stringify(b)).template.index,
      );
    }
  });

  it('have deltas only for what differs', () => {
    const { reader } = makeReader({ depGroups: ['g'], priority: 3, env: ['A=1'] });
    const same = reader.options('{"dep_grps":["g"],"priority":3,"env":["A=1"]}');
    assert.deepEqual([same.delta, same.priority], [null, null]);
    const other = reader.options('{"dep_grps":["h"],"priority":0,"env":["A=1"]}');
    assert.deepEqual([other.delta, other.priority], [{ depGroups: ['h'] }, 0]);
  });

  it('tell whether they set their report group', () => {
    const { reader } = makeReader();
    const gave = ['{"rep_grp":"x"}', '{"REP_GRP":"x"}', '{"rep_grp":""}', '{}'].map(
      (json) => reader.options(json).gaveRepGroup,
    );
    assert.deepEqual(gave, [true, true, false, false]);
  });

  it('are refused each time, not only the first', () => {
    const { reader } = makeReader();
    for (let turn = 0; turn < 2; turn += 1) refuses(() => reader.options('{"memory":"x"}'), 'memory');
  });
});
