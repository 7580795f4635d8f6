import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBehaviours, readBehaviours } from '../../core/behaviours.ts';
import { parseCmdDeps, readCmdDeps } from '../../core/command-dependencies.ts';
import { jobKeyHex } from '../../core/identity.ts';
import {
  checkContainerMounts,
  cleanQueues,
  parseCpusOption,
  parseEnvList,
  parseIntegerOption,
  parseMemoryDefault,
  parseMemoryOption,
  parseOverride,
  parseTimeDefault,
  parseTimeOption,
  splitList,
} from '../../core/job-fields.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { UnknownMembers } from '../../core/json-values.ts';
import { parseMounts, parseSimpleMounts } from '../../core/mounts.ts';

/** Runs what must be refused with BAD_OPTION and a text with all of these parts. */
function refuses(run: () => unknown, ...parts: readonly string[]): void {
  assert.throws(run, (error: Error & { code?: string }) => {
    assert.equal(error.code, 'BAD_OPTION');
    for (const part of parts) assert.ok(error.message.includes(part), `${error.message} lacks ${part}`);
    return true;
  });
}

describe('options of a command', () => {
  it('take memory and time, and blank defaults', () => {
    assert.equal(parseMemoryOption('1.5G'), 1536);
    assert.equal(parseMemoryDefault(''), 1000);
    assert.equal(parseMemoryDefault('1K'), 1000);
    assert.equal(parseTimeOption('90m'), 5_400_000);
    assert.equal(parseTimeOption('100us'), 1, 'no wish becomes 0');
    assert.equal(parseTimeDefault(''), 3_600_000);
    assert.equal(parseTimeDefault('0'), 3_600_000);
    refuses(
      () => parseMemoryOption('12', '--memory'),
      '--memory value (12) was not specified correctly',
      'unit',
    );
    refuses(() => parseTimeOption('12d', 'time'), 'time value (12d)', '1h30m');
  });

  it('take override as a number or a word', () => {
    for (const [text, value] of [
      ['0', 0],
      ['no', 0],
      ['n', 0],
      ['higher', 1],
      ['h', 1],
      ['2', 2],
      ['always', 2],
      ['a', 2],
    ] as const) {
      assert.equal(parseOverride(text), value);
    }
    for (const text of ['3', '', 'never', 'toString']) refuses(() => parseOverride(text), 'higher');
  });

  it('take whole numbers in every notation, within their range', () => {
    const byte = (text: string) => parseIntegerOption(text, '--priority', 0, 255);
    assert.deepEqual(['10', '0x10', '010', '0o10', '0b10', '+7', '0'].map(byte), [10, 16, 8, 8, 2, 7, 0]);
    assert.equal(parseIntegerOption('-0x2', '--n', -5, 5), -2);
    refuses(() => byte('256'), '--priority value (256) is not in the range 0..255');
    for (const text of ['', '1.5', 'x', '08', '1e2', '--1', ' 1']) refuses(() => byte(text), 'whole number');
  });

  it('take fractions of cores but nothing negative', () => {
    assert.equal(parseCpusOption('0.5'), 0.5);
    assert.equal(Object.is(parseCpusOption('-0'), 0), true);
    for (const text of ['-1', '', 'x', 'Infinity']) refuses(() => parseCpusOption(text), '--cpus');
  });

  it('drop empty elements of lists, but refuse an empty environment override', () => {
    assert.deepEqual(splitList('a,,b,'), ['a', 'b']);
    assert.deepEqual(splitList(''), []);
    assert.equal(cleanQueues('a,,b,'), 'a,b');
    assert.deepEqual(parseEnvList('A=1,B='), ['A=1', 'B=']);
    refuses(() => parseEnvList('A=1,'), 'NAME=value');
    refuses(() => parseEnvList('=x'), 'NAME=value');
    refuses(() => parseEnvList('HOME'), 'HOME=$HOME');
  });

  it('take container mounts with at most one colon each', () => {
    assert.equal(checkContainerMounts('/out,/a:/b'), '/out,/a:/b');
    refuses(() => checkContainerMounts('/out,/a:/b:ro'), '/a:/b:ro', '/outside:/inside');
  });

  it('take behaviours with names in any case, the first of several counting', () => {
    assert.deepEqual(
      parseBehaviours(
        '[{"RUN":"x"},{"cleanup":true},{"remove":true,"cleanup_all":true},{"cleanup":false},{}]',
        '--on_exit',
      ),
      [{ run: 'x' }, { cleanup: true }, { cleanup_all: true }, { nothing: true }, { nothing: true }],
    );
    assert.deepEqual(parseBehaviours('', '--on_exit'), []);
    assert.deepEqual(parseBehaviours('[{"copy_to_manager":["f"]}]', '--on_exit'), [
      { copy_to_manager: ['f'] },
    ]);
    refuses(() => parseBehaviours('{"run":"x"}', '--on_exit'), '--on_exit', 'an array');
    refuses(() => parseBehaviours('[null]', '--on_exit'), '--on_exit element', 'null');
    refuses(() => parseBehaviours('[{"run":1}]', '--on_exit'), '--on_exit: run', 'a string');
    const unknown = [
      /^--on_exit value \(\[\{"runn":"x"\}\]\)/,
      /: runn is none of its members, which are run, /,
    ];
    for (const message of unknown)
      assert.throws(() => parseBehaviours('[{"runn":"x"}]', '--on_exit'), { message });
    refuses(() => parseBehaviours('[', '--on_exit'), 'not valid JSON');
  });

  it('note unknown members within options', () => {
    const unknown = new UnknownMembers();
    readBehaviours([{ run: 'x', later: 1 }], 'on_exit', unknown);
    parseMounts('[{"Targets":[{"Path":"p","Colour":"red"}]}]', 'mounts', unknown);
    assert.deepEqual(unknown.names, ['on_exit.later', 'mounts.Targets.Colour']);
  });

  it('take mounts in JSON, leaving out what is empty', () => {
    const text =
      '[{"mount":"m","cachebase":"","Retries":3,"targets":[{"path":"b/p","profile":"x","WRITE":true,"Cache":false}]}]';
    assert.deepEqual(parseMounts(text), [
      { Mount: 'm', Retries: 3, Targets: [{ Profile: 'x', Path: 'b/p', Write: true }] },
    ]);
    refuses(() => parseMounts('[{"Retries":1.5,"Targets":[]}]'), '--mount_json.Retries', 'whole number');
    refuses(() => parseMounts('[{"Targets":[null]}]'), '--mount_json.Targets element', 'an object');
  });

  it('take simple mounts as one config without a mount point', () => {
    assert.deepEqual(parseSimpleMounts('cr:bucket/sub,uw:me@other'), [
      {
        Targets: [
          { Path: 'bucket/sub', Cache: true },
          { Profile: 'me', Path: 'other', Write: true },
        ],
      },
    ]);
    assert.deepEqual(parseSimpleMounts(''), []);
    refuses(() => parseSimpleMounts('cr:ok,xx:bad'), 'xx:bad', '[c|u][r|w]');
    refuses(() => parseSimpleMounts('cw:a,uw:b'), 'only one');
  });

  it('take command dependencies in pairs, and in four forms of JSON', () => {
    assert.deepEqual(parseCmdDeps('a,,b,/tmp'), [
      { cmd: 'a', cwd: '' },
      { cmd: 'b', cwd: '/tmp' },
    ]);
    refuses(() => parseCmdDeps('a,b,c'), 'pairs');
    const key = 'A'.repeat(32);
    const mounts = [{ Targets: [{ Path: 'p' }] }];
    const read = (value: unknown) => readCmdDeps(value, 'cmd_deps', new UnknownMembers());
    assert.deepEqual(
      read([
        { cmd: 'a', cwd: '' },
        { Cmd: 'a' },
        { Essence: { JobKey: key } },
        { Essence: { Cmd: 'c', Cwd: '/d' } },
        { Essence: { Cmd: 'c', MountConfigs: mounts } },
        { DepGroup: 'g' },
      ]),
      [
        { cmd: 'a', cwd: '' },
        { cmd: 'a', cwd: '' },
        { jobKey: key.toLowerCase() },
        { cmd: 'c', cwd: '/d' },
        { jobKey: jobKeyHex('c', { ...DEFAULT_JOB_OPTIONS, mounts }) },
        { depGroup: 'g' },
      ],
    );
    refuses(() => read([{ Essence: { JobKey: 'xyz' } }]), '32 hex digits');
    refuses(() => read([null]), 'cmd_deps element');
    for (const nothing of [{}, { Essence: {} }, { cmd: '' }, { cmdd: 'x' }])
      refuses(
        () => read([nothing]),
        `cmd_deps value (${JSON.stringify(nothing)})`,
        'must name a command, as {',
      );
  });
});
