import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';
import { type NamedLinks, RUN } from '../../core/dependency-links.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { Segment } from '../../core/segment.ts';
import { ingest } from '../../workers/ingest.ts';
import type { IngestResult } from '../../workers/ingest-result.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

type Random = () => number;

const FRAMES = ['.data:default-bucket;'];

function run(lines: readonly Buffer[], defaults: JobOptions, frames: readonly string[]): IngestResult {
  const bytes = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  return ingest({ bytes, defaults, frames, wantLines: true });
}

/** What is said of each command, in words that do not depend on what else stands in the frame. */
function said(result: IngestResult): unknown[] {
  if (result.count === 0) return [];
  const segment = new Segment(result.segment);
  const links = linksByJob(result.links, result.count);
  return Array.from({ length: result.count }, (_, job) => ({
    key: Buffer.from(segment.key(job)).toString('hex'),
    cmd: Buffer.from(segment.command(job)).toString('latin1'),
    template: result.templates[segment.templateId(job)],
    priority: segment.priority(job) ?? templatePriority(result, segment.templateId(job)),
    delta: segment.deltaJson(job),
    links: links[job],
  }));
}

function templatePriority({ templates }: IngestResult, id: number): number {
  return JSON.parse(templates[id] as string).priority ?? 0;
}

function linksByJob(links: NamedLinks | null, count: number): Record<string, string[]>[] {
  const jobs = Array.from(
    { length: count },
    () => ({ members: [], waits: [], parents: [] }) as Record<string, string[]>,
  );
  if (links === null) return jobs;
  const words = (column: Uint32Array, at: number): string =>
    Buffer.from(new Uint8Array(column.slice(4 * at, 4 * at + 4).buffer)).toString('hex');
  const names = Buffer.from(links.names).toString().split('\0');
  const each = (runs: Uint32Array, kind: string, of: (shared: number) => string): void => {
    for (let at = 0; at < runs.length; at += RUN)
      for (let job = 0; job < (runs[at + 1] as number); job += 1)
        jobs[(runs[at] as number) + job]?.[kind]?.push(of(runs[at + 2] as number));
  };
  each(links.members, 'members', (group) => words(links.groups, group));
  each(links.waits, 'waits', (group) => `${words(links.groups, group)} ${names[group]}`);
  each(links.singles, 'parents', (parent) => words(links.keys, parent));
  return jobs.map((job) => Object.fromEntries(Object.entries(job).map(([kind, of]) => [kind, of.sort()])));
}

/** A line by itself has no line before it whose shape it could have: it is parsed. */
function oneByOne(lines: readonly Buffer[], defaults: JobOptions, frames: readonly string[]): unknown {
  const jobs: unknown[] = [];
  const unknown = new Map<string, number>();
  let usedDefaultRepGroup = false;
  for (const [at, line] of lines.entries()) {
    const result = run([line], defaults, frames);
    for (const { name } of result.unknownMembers) if (!unknown.has(name)) unknown.set(name, at + 1);
    if (result.error !== null) return { error: { ...result.error, line: at + 1 } };
    usedDefaultRepGroup ||= result.usedDefaultRepGroup;
    jobs.push(...said(result));
  }
  return { jobs, lines: lines.length, unknown: [...unknown].slice(0, 20), usedDefaultRepGroup };
}

function together(lines: readonly Buffer[], defaults: JobOptions, frames: readonly string[]): unknown {
  const result = run(lines, defaults, frames);
  if (result.error !== null) return { error: result.error };
  const unknown = result.unknownMembers.map(({ name, line }) => [name, line]);
  return {
    jobs: said(result),
    lines: result.lines,
    unknown,
    usedDefaultRepGroup: result.usedDefaultRepGroup,
  };
}

// ------------------------------------------------------------ random lines

const oneOf = <T>(random: Random, of: readonly T[]): T => of[pick(random, of.length)] as T;
const isRare = (random: Random): boolean => random() < 0.04;

/** A JSON text, now and then one that needs care. */
function text(random: Random, max = 30): string {
  const odd = [
    '\\u0041',
    '\\n',
    '\\"',
    '\\\\',
    'é',
    '漢字',
    '😀',
    '\\ud800',
    '\\u0000',
    '',
    '\x7f',
    ' ',
    '{',
    '","',
    '	',
  ];
  const plain = oneOf(random, ['true ', 's', 'group-', '/data/x ', 'a, b: ']) + pick(random, max);
  return `"${isRare(random) ? plain + oneOf(random, odd) : plain}"`;
}

function list(random: Random): string {
  if (isRare(random))
    return oneOf(random, [
      '[]',
      '[ ]',
      'null',
      '[""]',
      '["a",""]',
      '[ "a" ]',
      '["a" ,"b"]',
      '[["a"]]',
      '"a"',
      '[1]',
    ]);
  const texts = Array.from({ length: 1 + pick(random, 3) }, () => text(random, 5));
  return `[${texts.join(oneOf(random, [',', ', ']))}]`;
}

function number(random: Random): string {
  const odd = ['1.0', '1e1', '-0', '256', '07', '-1', '0.5', 'null', '"7"', '1E0', '2.50e2'];
  return isRare(random) ? oneOf(random, odd) : String(pick(random, 256));
}

function parents(random: Random): string {
  const odd = [
    '[]',
    'null',
    '[{}]',
    '[{"cwd":"/x","cmd":"true 1"}]',
    '[{"DepGroup":"g"}]',
    '[{"Cmd":"x","cwd":""}]',
    '[{"cmd":"","cwd":""}]',
    '[{"cmd":"x"}]',
    '[{"cmd":"x","cwd":"","other":1}]',
    '[{"cmd":"x","cwd":null}]',
  ];
  if (isRare(random)) return oneOf(random, odd);
  const parent = (): string => `{"cmd":${text(random)},"cwd":${oneOf(random, ['""', '"/tmp"', '"/other"'])}}`;
  return `[${Array.from({ length: 1 + pick(random, 2) }, parent).join(',')}]`;
}

const VALUES: Readonly<Record<string, (random: Random) => string>> = {
  cwd: (random) => oneOf(random, ['"/tmp"', '"/a"', '"/b"', '""']),
  priority: number,
  dep_grps: list,
  deps: list,
  cmd_deps: parents,
  memory: (random) => oneOf(random, ['"1G"', '"1G"', '"2G"', 'null']),
  rep_grp: (random) => oneOf(random, ['"r"', '"r"', '"q"', '""']),
  req_grp: (random) => oneOf(random, ['"r"', '"r"', '"tool"']),
  cwd_matters: (random) => oneOf(random, ['true', 'true', 'false']),
  on_exit: (random) =>
    oneOf(random, ['[{"cleanup":true}]', '[{"run":"echo \\"}\\\\"}]', '[{"never":[[{}]]}]']),
  env: (random) => oneOf(random, ['["A=1"]', '["A=2"]', '[]']),
  limit_grps: (random) => oneOf(random, ['["l"]', '["l","m"]']),
  colour: () => '{"deep":[[[{"cmd":"no"}]]]}',
};

/** Lines of a few kinds, as a program would write them, with something odd here and there. */
function randomLines(random: Random): Buffer[] {
  const kinds = Array.from({ length: 1 + pick(random, 3) }, () => {
    const names = Object.keys(VALUES).filter(() => random() < 0.35);
    names.splice(pick(random, names.length + 1), 0, 'cmd');
    return { names, colon: oneOf(random, [':', ': ', ' : ']), comma: oneOf(random, [',', ', ']) };
  });
  return Array.from({ length: 2 + pick(random, 14) }, () => randomLine(random, oneOf(random, kinds)));
}

function randomLine(
  random: Random,
  {
    names,
    colon,
    comma,
  }: { readonly names: readonly string[]; readonly colon: string; readonly comma: string },
): Buffer {
  const members = names.map((name) => `"${name}"${colon}${(VALUES[name] ?? text)(random)}`);
  if (isRare(random)) members.push(oneOf(random, members));
  if (isRare(random)) members.push(`"CMD"${colon}"other"`);
  if (isRare(random)) members.push('"Priority":3');
  const json = `{${members.join(comma)}}`;
  if (!isRare(random)) return Buffer.from(json);
  return oneOf(random, [
    () => Buffer.from(`${json} `),
    () => Buffer.from(`${json}\r`),
    () => Buffer.from(`${json}x`),
    () => Buffer.from(json.slice(0, -1)),
    () => Buffer.from(`plain ${pick(random, 9)}`),
    () => Buffer.from(`columns\t${json}`),
    () => Buffer.from(''),
    () => Buffer.concat([Buffer.from(json.slice(0, -2)), Buffer.of(0xff), Buffer.from(json.slice(-2))]),
    () => Buffer.from(json.replace('"cmd"', '"\\u0063md"')),
    () => Buffer.from(`${'{"a":'.repeat(50)}1${'}'.repeat(50)}`),
  ])();
}

function randomDefaults(random: Random): JobOptions {
  const deps = random() < 0.15 ? ['root'] : [];
  return {
    ...DEFAULT_JOB_OPTIONS,
    deps,
    cwd: oneOf(random, ['/tmp', '/a']),
    cwdMatters: random() < 0.2,
    priority: pick(random, 3),
  };
}

describe('lines of one shape', () => {
  it('say the same as when each of them is parsed', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    let jobs = 0;
    for (let round = 0; round < 600; round += 1) {
      const lines = randomLines(random);
      const defaults = randomDefaults(random);
      const frames = random() < 0.1 ? FRAMES : [];
      const expected = oneByOne(lines, defaults, frames);
      jobs += (expected as { jobs?: unknown[] }).jobs?.length ?? 0;
      const label = `seed ${seed}, round ${round}:\n${lines.join('\n')}\n`;
      assert.deepEqual(together(lines, defaults, frames), expected, label);
    }
    assert.ok(jobs > 500, `seed ${seed}: only ${jobs} commands were good`);
  });

  it('are told apart where they only look alike', () => {
    const lines = [
      '{"cmd":"a 1","deps":["x"],"priority":1}',
      '{"cmd":"a 2","deps":["y","z"],"priority":2}',
      '{"cmd":"a\\t3","deps":["x"],"priority":3}',
      '{"cmd":"a 4","deps":[],"priority":4}',
      '{"cmd":"a 5","deps":["x"],"priority":1e1}',
    ].map((line) => Buffer.from(line));
    const result = run(lines, DEFAULT_JOB_OPTIONS, []);
    const segment = new Segment(result.segment);
    const cmds = Array.from({ length: 5 }, (_, job) => Buffer.from(segment.command(job)).toString());
    assert.deepEqual(cmds, ['a 1', 'a 2', 'a\t3', 'a 4', 'a 5']);
    assert.deepEqual([...(result.priorities as Uint8Array)], [1, 2, 3, 4, 10]);
    assert.equal(segment.deltaJson(1), '{"deps":["y","z"]}');
    assert.equal(segment.deltaJson(3), '');
  });

  it('are refused by the number of the line that is bad, as others are', () => {
    const good = (i: number): Buffer => Buffer.from(`{"cmd":"a ${i}","priority":${i}}`);
    const { error } = run(
      [good(1), good(2), Buffer.from('{"cmd":"a 3","priority":300}')],
      DEFAULT_JOB_OPTIONS,
      [],
    );
    assert.deepEqual(error, { line: 3, message: 'priority value (300) is not in the range 0..255' });
  });

  it('are refused when one of them is not valid UTF-8', () => {
    const [before, after] = [Buffer.from('{"cmd":"a '), Buffer.from('"}')];
    const lines = [0x31, 0x32, 0xff].map((byte) => Buffer.concat([before, Buffer.of(byte), after]));
    const { error } = run(lines, DEFAULT_JOB_OPTIONS, []);
    assert.deepEqual(error, { line: 3, message: 'its JSON is not valid UTF-8' });
  });

  it('have the key of the command before as their parent in a chain', () => {
    const link = (i: number): Buffer =>
      Buffer.from(`{"cmd":"true ${i}","cmd_deps":[{"cmd":"true ${i - 1}","cwd":""}]}`);
    const { keys, links } = run([link(1), link(2), link(3), link(4)], DEFAULT_JOB_OPTIONS, []);
    const parents = Buffer.from((links as NamedLinks).keys.buffer);
    assert.deepEqual(parents.subarray(16), Buffer.from(keys).subarray(0, 48));
    assert.equal(parents.subarray(0, 16).toString('hex'), hash('md5', 'true 0.'));
  });
});
