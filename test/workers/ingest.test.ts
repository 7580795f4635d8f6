import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Piscina } from 'piscina';
import { jobKeyHex, keyToHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS, type JobOptions } from '../../core/job-options.ts';
import { LINE_BYTES_MAX } from '../../core/protocol.ts';
import { reqGroupOf } from '../../core/requirements.ts';
import { Segment } from '../../core/segment.ts';
import { mergeDelta, parseTemplate } from '../../core/template.ts';
import { ingest } from '../../workers/ingest.ts';
import type { IngestResult } from '../../workers/ingest-result.ts';
import { chooseSeed, pick, seeded } from '../random.ts';

const run = (input: string | Uint8Array, defaults: Partial<JobOptions> = {}): IngestResult =>
  ingest({ bytes: Buffer.from(input as string), defaults: { ...DEFAULT_JOB_OPTIONS, ...defaults } });

interface Taken {
  /** A character a byte. */
  readonly cmd: string;
  readonly key: string;
  readonly options: JobOptions;
}

/** What a result says, job by job, by way of its segment; checks that its columns say the same. */
function unpack(result: IngestResult): Taken[] {
  assert.equal(result.error, null);
  if (result.count === 0) return [];
  const segment = new Segment(result.segment);
  assert.equal(segment.count, result.count);
  assert.deepEqual(Buffer.from(segment.keys), Buffer.from(result.keys));
  const templates = result.templates.map(parseTemplate);
  return Array.from({ length: result.count }, (_, job) => {
    const template = segment.templateId(job);
    assert.equal(result.templateIndex?.[job] ?? 0, template);
    assert.equal(result.priorities?.[job] ?? null, segment.priority(job));
    return {
      cmd: Buffer.from(segment.command(job)).toString('latin1'),
      key: keyToHex(result.keys, 16 * job),
      options: mergeDelta(templates[template] as JobOptions, segment.delta(job), segment.priority(job)),
    };
  });
}

const cmds = (result: IngestResult): string[] => unpack(result).map(({ cmd }) => cmd);

describe('ingest', () => {
  it('takes plain lines verbatim, skipping blank ones', () => {
    const result = run('echo 1\n\n  echo 2  \necho # no comment\necho');
    assert.deepEqual(cmds(result), ['echo 1', '  echo 2  ', 'echo # no comment', 'echo']);
    assert.equal(result.lines, 5);
    assert.deepEqual(result.templates.map(parseTemplate), [{ ...DEFAULT_JOB_OPTIONS, reqGroup: 'echo' }]);
    assert.deepEqual([result.templateIndex, result.priorities, result.hasDelta], [null, null, false]);
    assert.equal(result.usedDefaultRepGroup, true);
    assert.equal(keyToHex(result.keys), jobKeyHex('echo 1', DEFAULT_JOB_OPTIONS));
  });

  it('takes nothing from nothing', () => {
    for (const input of ['', '\n', '\n\n\n', '\r\n', '\tx\n']) {
      const result = run(input);
      assert.deepEqual([result.count, result.error, result.keys.length], [0, null, 0], JSON.stringify(input));
    }
    assert.equal(run('\n\n\n').lines, 3);
    assert.equal(run('\r\n\n').lines, 2);
  });

  it('strips a CR before a line end and nowhere else', () => {
    assert.deepEqual(cmds(run('a\r\nb\rc\r\nd\r')), ['a', 'b\rc', 'd']);
  });

  it('takes the three shapes of a line in one frame', () => {
    const taken = unpack(
      run(
        'plain\n{"cmd":"json","memory":"2G","priority":7}\ncolumns\t{"cmd":"ignored","dep_grps":["g"]}\nplain again\n',
      ),
    );
    assert.deepEqual(
      taken.map(({ cmd }) => cmd),
      ['plain', 'json', 'columns', 'plain again'],
    );
    assert.deepEqual(
      taken.map(({ options }) => options),
      [
        { ...DEFAULT_JOB_OPTIONS, reqGroup: 'plain' },
        { ...DEFAULT_JOB_OPTIONS, reqGroup: 'json', memoryMb: 2048, memorySet: true, priority: 7 },
        { ...DEFAULT_JOB_OPTIONS, reqGroup: 'columns', depGroups: ['g'] },
        { ...DEFAULT_JOB_OPTIONS, reqGroup: 'plain' },
      ],
    );
    for (const { cmd, key, options } of taken) assert.equal(key, jobKeyHex(cmd, options));
  });

  it('takes a first column that begins with { as a command', () => {
    assert.deepEqual(cmds(run('{ a; }\t{}\n')), ['{ a; }']);
  });

  it('keeps bytes that are no UTF-8 as they are, and hashes them as they are', () => {
    const line = Buffer.from([0x65, 0xff, 0xfe, 0x20, 0xc3, 0xa9]);
    for (const input of [
      line,
      Buffer.concat([Buffer.from('a\n'), line, Buffer.from('\nb')]),
      Buffer.concat([line, Buffer.from('\t{}\n')]),
    ]) {
      const taken = unpack(run(input)).find(({ cmd }) => cmd === line.toString('latin1'));
      assert.equal(taken?.key, keyOfBytes(line));
    }
    const framed = unpack(run(line, { cwdMatters: true, cwd: '/é' }));
    assert.equal(framed[0]?.key, keyOfBytes(line, { cwdMatters: true, cwd: '/é' }));
  });

  it('takes JSON in UTF-8 and refuses it otherwise', () => {
    assert.deepEqual(cmds(run('{"cmd":"écho \\u00e9"}')), [Buffer.from('écho é').toString('latin1')]);
    const bad = Buffer.concat([Buffer.from('ok\n{"cmd":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    assert.deepEqual(run(bad).error, { line: 2, message: 'its JSON is not valid UTF-8' });
  });

  it('gives keys by directory, mounts and container where they count', () => {
    const lines =
      'a\n{"cmd":"a","cwd":"/own"}\n{"cmd":"a","cwd":"/own","cwd_matters":true}\na\t{"mounts":[{"Targets":[{"Path":"p"}]}]}\n{"cmd":"a","with_docker":"i"}\n';
    for (const defaults of [
      {},
      { cwdMatters: true, cwd: '/base' },
      { withSingularity: 's' },
      { mounts: [{ Targets: [{ Path: 'x' }] }] },
    ]) {
      for (const { cmd, key, options } of unpack(run(lines, defaults)))
        assert.equal(key, jobKeyHex(cmd, options));
      for (const { cmd, key, options } of unpack(run('a\nb\né', defaults))) {
        assert.equal(key, jobKeyHex(Buffer.from(cmd, 'latin1'), options));
      }
    }
  });

  it('refuses the frame for one bad line, naming it', () => {
    const cases: readonly [string, number, string][] = [
      ['a\nb\tc\td\n', 2, 'more than two columns'],
      ['a\n\n{"cmd":"x"\n', 3, 'JSON object'],
      ['a\t\n', 1, 'second column must be a JSON object'],
      ['a\tb\n', 1, 'second column must be a JSON object'],
      ['a\nb\0c\n', 2, 'NUL'],
      ['{"cmd":"a","priority":300}\n', 1, 'priority value (300) is not in the range 0..255'],
      ['{"cmd":"a"}\r\n{"cmd":"a","env":["X"]}\r\n', 2, 'X=$X'],
      ['{"memory":"1G"}', 1, 'cmd was not specified'],
      [`a\n${'x'.repeat(LINE_BYTES_MAX + 1)}\n`, 2, `longer than ${LINE_BYTES_MAX} bytes`],
    ];
    for (const [input, line, part] of cases) {
      const { error, count, segment, templates } = run(input);
      assert.equal(error?.line, line, part);
      assert.ok(error?.message.includes(part), `"${error?.message}" lacks "${part}"`);
      assert.deepEqual([count, segment.length, templates.length], [0, 0, 0]);
    }
  });

  it('takes a line of exactly the longest length', () => {
    const longest = 'x'.repeat(LINE_BYTES_MAX);
    assert.deepEqual(
      unpack(run(longest)).map(({ cmd }) => cmd.length),
      [LINE_BYTES_MAX],
    );
    assert.equal(run(`${longest}\r\nb`).error?.line, 1, 'the CR counts');
  });

  it('tells of unknown members and of the default report group', () => {
    const result = run('{"cmd":"a","rep_grp":"r","colour":1}\n{"cmd":"b","rep_grp":"r","Colour":1}\n');
    assert.deepEqual(result.unknownMembers, [
      { name: 'colour', line: 1 },
      { name: 'Colour', line: 2 },
    ]);
    assert.equal(result.usedDefaultRepGroup, false);
    assert.equal(run('{"cmd":"a","rep_grp":"r"}\nb\n').usedDefaultRepGroup, true);
  });

  it('tells the line of each command when it is asked to', () => {
    const text = 'a\n\n\tx\n\r\n{"cmd":"b"}\nc\t{}\r\nd';
    const bytes = Buffer.from(text);
    const { lineNumbers, count } = ingest({ bytes, defaults: DEFAULT_JOB_OPTIONS, wantLines: true });
    assert.deepEqual([...(lineNumbers ?? [])], [1, 5, 6, 7]);
    assert.equal(count, 4);
    assert.equal(run(text).lineNumbers, null);
  });

  it('makes what a plain model makes of random lines', () => {
    const seed = chooseSeed();
    const random = seeded(seed);
    for (let turn = 0; turn < 300; turn += 1) {
      const defaults = makeDefaults(random);
      const lines = Array.from({ length: pick(random, 30) }, () => makeLine(random, defaults));
      const end = random() < 0.5 ? '\n' : '\r\n';
      const input =
        lines.map(({ bytes }) => bytes.toString('latin1')).join(end) + (random() < 0.5 ? end : '');
      const expected = lines.flatMap(({ job }) => (job === null ? [] : [job]));
      const taken = unpack(run(Buffer.from(input, 'latin1'), defaults));
      assert.deepEqual(taken, expected, `seed ${seed}, turn ${turn}`);
    }
  });

  it('gives commands that name no requirement group that of their first word, and the others their own', () => {
    const groups = (input: string) => unpack(run(input)).map(({ options }) => options.reqGroup);
    assert.deepEqual(groups('a 1\n/usr/bin/a 2\n  a\nab 3\na\n'), ['a', 'a', 'a', 'ab', 'a']);
    assert.deepEqual(groups('b x\nb y\t{"req_grp":"own"}\nc z\t{"priority":3}\nb z\t{"req_grp":"b"}\n'), [
      'b',
      'own',
      'c',
      'b',
    ]);
    const { templates, templateIndex } = run('b 1\n/bin/b 2\nb 3\t{"req_grp":"b"}\n');
    assert.deepEqual([templates.length, templateIndex], [1, null]);
  });

  it('does not give each of very many differently called commands a template of its own', () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => (i % 100 === 7 ? `often ${i}` : `./job_${i}.sh`));
    const result = run(lines.join('\n'));
    const taken = unpack(result);
    assert.equal(result.templates.length, 2);
    assert.equal(taken[7]?.options.reqGroup, 'often');
    assert.equal(taken[8]?.options.reqGroup, null);
    const few = run(lines.slice(0, 250).join('\n'));
    assert.equal(few.templates.length, 248);
  });

  it('runs in a worker thread and moves its result', async () => {
    const pool = new Piscina({
      filename: new URL('../../workers/ingest.js', import.meta.url).href,
      maxThreads: 1,
    });
    try {
      const bytes = new Uint8Array(new TextEncoder().encode('a\n{"cmd":"b","priority":2,"memory":"5G"}\n'));
      const result: IngestResult = await pool.run(
        { bytes, defaults: DEFAULT_JOB_OPTIONS },
        { transferList: [bytes.buffer] },
      );
      assert.deepEqual(cmds(result), ['a', 'b']);
      assert.equal(result.keys.buffer, result.segment.buffer);
      assert.equal(bytes.length, 0);
      const bad: IngestResult = await pool.run({
        bytes: Buffer.from('a\tb\n'),
        defaults: DEFAULT_JOB_OPTIONS,
      });
      assert.equal(bad.error?.line, 1);
    } finally {
      await pool.destroy();
    }
  });
});

/** The key of bytes: `jobKeyHex` for a command that is no text. */
function keyOfBytes(cmd: Uint8Array, options: Partial<JobOptions> = {}): string {
  return jobKeyHex(cmd, { ...DEFAULT_JOB_OPTIONS, ...options });
}

function makeDefaults(random: () => number): JobOptions {
  return {
    ...DEFAULT_JOB_OPTIONS,
    ...(random() < 0.3 ? { cwdMatters: true, cwd: '/é', onExit: [] } : {}),
    ...(random() < 0.3 ? { depGroups: ['d'], deps: ['e'], priority: 9 } : {}),
    ...(random() < 0.2 ? { mounts: [{ Targets: [{ Path: 'bucket' }] }] } : {}),
  };
}

/** A line, and what it stands for; `null`: nothing. */
function makeLine(
  random: () => number,
  defaults: JobOptions,
): { readonly bytes: Buffer; readonly job: Taken | null } {
  const cmd = makeCommand(random);
  if (cmd.length === 0) return { bytes: cmd, job: null };
  const shape = pick(random, 6);
  const given = makeGiven(random, defaults);
  if (shape === 0) {
    const text = cmd.toString(); // Whatever is no UTF-8 becomes U+FFFD: JSON cannot hold it.
    return {
      bytes: Buffer.from(JSON.stringify({ ...given.json, cmd: text })),
      job: expect(Buffer.from(text), given.options),
    };
  }
  if (shape === 1) {
    return {
      bytes: Buffer.concat([cmd, Buffer.from(`\t${JSON.stringify(given.json)}`)]),
      job: expect(cmd, given.options),
    };
  }
  return { bytes: cmd, job: expect(cmd, defaults) };
}

function expect(cmd: Buffer, options: JobOptions): Taken {
  const reqGroup = reqGroupOf(cmd, options);
  return { cmd: cmd.toString('latin1'), key: jobKeyHex(cmd, options), options: { ...options, reqGroup } };
}

function makeCommand(random: () => number): Buffer {
  const kind = pick(random, 10);
  if (kind === 0) return Buffer.alloc(0);
  if (kind === 1) return Buffer.from([0x61, 0x80 + pick(random, 128), 0x62]);
  if (kind === 2) return Buffer.from(`é "${pick(random, 50)}" \\n {`);
  return Buffer.from(` echo ${pick(random, 1000)}`.slice(pick(random, 2)) + 'x'.repeat(pick(random, 20)));
}

function makeGiven(
  random: () => number,
  defaults: JobOptions,
): { readonly json: object; readonly options: JobOptions } {
  const json: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  const maybe = (key: string, value: unknown, field: string, meaning: unknown = value) => {
    if (random() < 0.7) return;
    json[random() < 0.2 ? key.toUpperCase() : key] = value;
    own[field] = meaning;
  };
  maybe('cwd', `/d${pick(random, 3)}`, 'cwd');
  maybe('priority', pick(random, 256), 'priority');
  maybe('retries', pick(random, 4), 'retries');
  maybe('rep_grp', `r${pick(random, 3)}`, 'repGroup');
  maybe('dep_grps', [`g"${pick(random, 3)}`], 'depGroups');
  maybe('deps', ['x', 'é'], 'deps');
  maybe('env', ['A=b,c'], 'env');
  maybe('limit_grps', ['l:1', 'm'], 'limitGroups');
  maybe('cmd_deps', [{ cmd: 'c', cwd: '/w' }], 'cmdDeps');
  if ('deps' in own && !('cmdDeps' in own)) own.cmdDeps = [];
  if ('cmdDeps' in own && !('deps' in own)) own.deps = [];
  return { json, options: { ...defaults, ...own } };
}
