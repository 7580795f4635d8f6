import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import {
  deltaBetween,
  deltaJson,
  mergeDelta,
  parseDelta,
  parseTemplate,
  templateJson,
} from '../../core/template.ts';

const full: JobOptions = {
  cwd: '/d',
  cwdMatters: true,
  changeHome: true,
  repGroup: 'r',
  reqGroup: 'q',
  unixGroup: 'u',
  memoryMb: 1,
  memorySet: true,
  timeMs: 2,
  timeSet: true,
  cpus: 0.5,
  diskGb: 3,
  diskSet: true,
  resources: { gpu: 2 },
  maxFails: 3,
  override: 2,
  priority: 4,
  retries: 5,
  noRetryOverWalltimeMs: 6,
  limitGroups: ['l:1'],
  depGroups: ['g'],
  deps: ['d'],
  cmdDeps: [{ cmd: 'c', cwd: '' }, { jobKey: 'k' }, { depGroup: 'h' }],
  modules: ['m'],
  onFailure: [{ run: 'x' }, { copy_to_manager: ['f'] }],
  onSuccess: [{ remove: true }],
  onExit: [{ nothing: true }],
  mounts: [{ Mount: 'm', Retries: 2, Verbose: true, Targets: [{ Path: 'p', Write: true }] }],
  env: ['A=1'],
  envId: 'e',
  monitorDocker: '?',
  withDocker: 'i',
  withSingularity: 's',
  containerMounts: '/a',
  containerImageUser: true,
  arrayIndex: '7',
  bsubMode: 'production',
  other: { b: '2', a: '1' },
};

const unreadable = { code: 'STORE_UNREADABLE' };

describe('templates', () => {
  it('read back every option as it was written', () => {
    assert.deepEqual(parseTemplate(templateJson(full)), full);
    assert.deepEqual(parseTemplate(templateJson(DEFAULT_JOB_OPTIONS)), DEFAULT_JOB_OPTIONS);
  });

  it('have one text, whatever order members and other requests came in', () => {
    const shuffled = Object.fromEntries(Object.entries(full).reverse()) as unknown as JobOptions;
    const mounts = [{ Targets: [{ Write: true, Path: 'p' }], Verbose: true, Retries: 2, Mount: 'm' }];
    const cmdDeps = [{ cwd: '', cmd: 'c' }, ...full.cmdDeps.slice(1)];
    const same: JobOptions = { ...shuffled, mounts, cmdDeps, other: { a: '1', b: '2' } };
    assert.equal(templateJson(same), templateJson(full));
  });

  it('differ when any one option differs', () => {
    const texts = new Set([templateJson(full)]);
    for (const field of Object.keys(full) as (keyof JobOptions)[]) {
      texts.add(templateJson({ ...full, [field]: DEFAULT_JOB_OPTIONS[field] }));
    }
    // cpus 1, retries 3 and so on all differ from those above.
    assert.equal(texts.size, Object.keys(full).length + 1);
  });

  it('leave out what is zero', () => {
    assert.equal(
      templateJson(DEFAULT_JOB_OPTIONS),
      '{"cwd":"/tmp","repGroup":"manually_added","memoryMb":1024,"timeMs":3600000,"cpus":1,"retries":3,"onExit":[{"cleanup":true}]}',
    );
  });

  it('are refused when damaged, and may hold what a newer version added', () => {
    for (const json of [
      '',
      '[]',
      'null',
      '{"cwd":1}',
      '{"deps":{}}',
      '{"other":[]}',
      '{"cwd":"/',
      '{"mounts":null}',
    ]) {
      assert.throws(() => parseTemplate(json), unreadable, json);
    }
    assert.equal(parseTemplate('{"cwd":"/x","colour":"red"}').cwd, '/x');
  });
});

describe('deltas', () => {
  it('hold what differs, and give the options back when merged', () => {
    const own: JobOptions = { ...full, cwd: '/e', priority: 9, depGroups: ['other'], cmdDeps: [] };
    const delta = deltaBetween(full, own);
    assert.deepEqual(delta, { cwd: '/e', depGroups: ['other'], cmdDeps: [] });
    assert.deepEqual(mergeDelta(full, delta, own.priority), own);
  });

  it('are none for a job that says the same', () => {
    const same = { ...full, depGroups: ['g'], cmdDeps: [...full.cmdDeps] };
    assert.equal(deltaBetween(full, same), null);
    assert.equal(mergeDelta(full, null), full);
  });

  it('read back whatever characters they hold', () => {
    for (const group of [
      'g',
      '',
      'q"uote',
      'back\\slash',
      'line\nend',
      'é',
      '\u{1f600}',
      '\ud800',
      '\u2028',
      '\x7f',
    ]) {
      assert.deepEqual(parseDelta(deltaJson({ depGroups: [group] })), { depGroups: [group] });
      assert.equal(deltaJson({ depGroups: [group] }), JSON.stringify({ depGroups: [group] }));
    }
    const both = { depGroups: ['a'], deps: ['b'] };
    assert.deepEqual(parseDelta(deltaJson(both)), both);
  });

  it('are refused when damaged', () => {
    for (const json of ['{', '[]', '{"priority":"x"}', '{"repGroup":"x"}', '{"env":"A=1"}']) {
      assert.throws(() => parseDelta(json), unreadable, json);
    }
  });
});
