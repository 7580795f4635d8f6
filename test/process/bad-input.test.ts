import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Finished, Place, WR } from './harness.ts';

const MEBIBYTE = 1024 * 1024;
const NOBODY = 65_534;
const LONGER = /longer than (4194304 bytes|4 MiB)/;

/** A refusal: exit code 1, nothing on STDOUT, one ERROR line that holds all of these. */
function assertRefused({ code, stdout, stderr }: Finished, ...parts: readonly (string | RegExp)[]): void {
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  const errors = stderr.split('\n').filter((line) => line.startsWith('ERROR['));
  assert.equal(errors.length, 1, stderr);
  const [error = ''] = errors;
  for (const part of parts)
    assert.ok(typeof part === 'string' ? error.includes(part) : part.test(error), `${part}: ${error}`);
  // What to do about it stands behind the dash, or, of a flag, below: how the command is called.
  if (!/^See (wr )?--help/m.test(stderr)) assert.match(error, / — \S/);
}

describe('input that is not what it should be', () => {
  let place: Place;

  before(async () => {
    // Nothing runs: what is in the queue is what an add has put there.
    place = await Place.started(['-s', 'none']);
  });
  after(() => place?.remove());

  const queued = async (): Promise<number> => (await place.counts()).ready ?? Number.NaN;
  /** Adds, and asserts that nothing came of it. */
  const refused = async (
    stdin: string | Uint8Array,
    flags: readonly string[],
    ...parts: readonly (string | RegExp)[]
  ): Promise<void> => {
    const earlier = await queued();
    assertRefused(await place.wr(['add', ...flags], { stdin }), ...parts);
    assert.equal(await queued(), earlier);
  };

  it('refuses what cannot be read as a file of commands', async () => {
    assertRefused(
      await place.wr(['add', '-f', 'missing.txt']),
      'missing.txt does not exist',
      'check the path',
    );
    await mkdir(join(place.work, 'folder'));
    assertRefused(await place.wr(['add', '-f', 'folder']), 'folder is a directory');
    assertRefused(await place.wr(['add', '-f', '']), '--file is empty');
    assertRefused(await place.wr(['add', '-f', place.write('empty.txt', '')]), 'empty.txt holds no command');
    assertRefused(
      await place.wr(['add', '-f', place.write('blank.txt', '\n\n\t{}\n')]),
      'blank.txt holds no command',
    );
    assertRefused(await place.wr(['add', '-f', '/proc/self/mem']), '/proc/self/mem cannot be read');
    assert.equal(await queued(), 0);
  });

  it('refuses a file that the user may not read', async (t) => {
    const path = place.write('locked.txt', 'true locked\n');
    chmodSync(path, 0);
    if (process.getuid?.() !== 0) {
      assertRefused(await place.wr(['add', '-f', path]), 'locked.txt may not be read by you');
      return;
    }
    // Root reads everything: somebody else has to try.
    const readable = [WR, process.execPath].every((file) => isOpenToAll(file));
    if (!readable) return t.skip('the program cannot be read by another user');
    for (const directory of [place.dir, place.work]) chmodSync(directory, 0o755);
    const { finished } = place.spawn(process.execPath, [WR, 'add', '-f', path], { uid: NOBODY });
    const result = await finished;
    for (const directory of [place.dir, place.work]) chmodSync(directory, 0o700);
    assertRefused(result, 'locked.txt may not be read by you');
  });

  it('takes what a pipe gave before it was closed, also without a last line end', async () => {
    const fifo = join(place.work, 'closed-early');
    await place.spawn('mkfifo', [fifo]).finished;
    const writer = place.spawn('sh', ['-c', `printf 'true pipe-1\\ntrue pipe-2' > ${fifo}`]);
    const added = await place.ok(['add', '-f', fifo, '-i', 'pipe']);
    await writer.finished;
    assert.match(added.stderr, /Added 2 new commands/);
    assert.deepEqual((await place.jobs(['-i', 'pipe'])).map(({ Cmd }) => Cmd).sort(), [
      'true pipe-1',
      'true pipe-2',
    ]);
  });

  it('refuses a line over 4 MiB and takes one of 3 MiB', async () => {
    const long = (bytes: number): string => `true ${'x'.repeat(bytes - 5)}`;
    await refused(`true fine\n${long(4 * MEBIBYTE + 1)}\n`, [], 'line 2:', LONGER);
    await refused(`true fine\n${long(9 * MEBIBYTE)}`, [], 'line 2:', LONGER);
    await place.ok(['add', '-i', 'long'], { stdin: `${long(3 * MEBIBYTE)}\n${long(4 * MEBIBYTE)}\n` });
    const jobs = await place.jobs(['-i', 'long']);
    assert.deepEqual(jobs.map(({ Cmd }) => Cmd.length).sort(), [3 * MEBIBYTE, 4 * MEBIBYTE]);
  });

  it('refuses NUL bytes, broken JSON, wrong types, values out of range and columns too many, naming the line', async () => {
    const bad: readonly (readonly [string, ...(string | RegExp)[]])[] = [
      ['true a\0b', 'NUL byte'],
      ['{"cmd":"true"', 'must be a JSON object'],
      ['["true"]\t{"cpus":', 'second column must be a JSON object'],
      ['true\t[1]', 'second column must be a JSON object'],
      ['{"cmd":"true","cpus":"many"}', 'cpus', 'must be a number'],
      ['{"cmd":7}', 'cmd', 'string'],
      ['{"cmd":"true","rep_grp":{}}', 'rep_grp', 'string'],
      ['{"cmd":"true","priority":256}', 'priority value (256) is not in the range 0..255'],
      ['{"cmd":"true","retries":-1}', 'retries value (-1) is not in the range 0..255'],
      ['{"cmd":"true","memory":"1 potato"}', 'memory'],
      ['{"cmd":"true","time":"soon"}', 'time'],
      ['{"cmd":"true","cpus":-1}', 'cpus', 'negative'],
      ['{"cmd":"true","override":3}', 'override', '0..2'],
      ['{"cmd":""}', 'cmd was not specified'],
      ['{"rep_grp":"lonely"}', 'cmd was not specified'],
      ['true\t{}\tmore', 'more than two columns'],
    ];
    for (const [line, ...parts] of bad) {
      const result = await place.wr(['add', '-i', 'bad'], { stdin: `true first\n\n${line}\ntrue last\n` });
      assertRefused(result, 'line 3:', ...parts);
    }
    assert.deepEqual(await place.jobs(['-i', 'bad']), []);
  });

  it('takes options it does not know, and says so once', async () => {
    const line = (i: number): string => JSON.stringify({ cmd: `true unknown ${i}`, colour: i });
    const { stderr } = await place.add([line(1), line(2), line(3)], ['-i', 'unknown']);
    assert.equal(stderr.match(/WARN\[.*"colour".* ignored/g)?.length, 1);
    assert.match(stderr, /Added 3 new commands/);
  });

  it('refuses flags it does not know with the nearest name, and values that flags cannot have', async () => {
    const cases: readonly (readonly [readonly string[], ...(string | RegExp)[]])[] = [
      [['add', '--prioritty', '1'], 'unknown flag --prioritty; did you mean --priority?'],
      [['status', '--ouptut', 'json'], 'unknown flag --ouptut; did you mean --output?'],
      [['statsu'], 'unknown command "statsu"; did you mean status?'],
      [['status', '-Q'], 'unknown flag -Q'],
      [['status', '-o', 'foo'], '--output must be one of counts, summary, details, json, plain', '"foo"'],
      [['status', '--limit', 'x'], '--limit needs a whole number, not "x"'],
      [['status', '--limit=-1'], '--limit value (-1) must not be negative'],
      [['status', '-i'], '-i needs a value'],
      [['add', '--memory', '5'], '--memory', '5'],
      [['add', '--time', '3 days'], '--time', '3 days'],
      [['add', '--cpus=-1'], '--cpus', 'negative'],
      [['add', '--retries', '256'], '--retries value (256) is not in the range 0..255'],
      [['add', '-o', 'sometimes'], '--override', 'sometimes'],
      [['add', '--on_exit', '{'], '--on_exit value ({)', 'not valid JSON'],
      [['add', '--cmd_deps', 'one'], '--cmd_deps'],
      [['add', '--with_docker', 'alpine'], 'with_docker (alpine) cannot be used yet'],
      [['add', '--mounts', 'ur:bucket'], '--mounts (ur:bucket) cannot be used yet'],
      [['kill', '-i', 'a', '-l', 'b'], 'mutually exclusive'],
      [['remove'], /-f|--file/],
      [['manager', 'start', '--max_cores', 'x'], '--max_cores needs a whole number'],
      [['manager', 'start', '-s', 'magic'], '--scheduler must be one of local', '"magic"'],
    ];
    const results = await Promise.all(cases.map(([args]) => place.wr(args, { stdin: 'true never\n' })));
    for (const [i, [, ...parts]] of cases.entries()) assertRefused(results[i] as Finished, ...parts);
    assert.deepEqual(await place.jobs(['-l', 'true never']), []);
  });
});

describe('commands that are no plain text', () => {
  let place: Place;

  before(async () => {
    place = await Place.started();
  });
  after(() => place?.remove());

  it('run with their bytes as they were given, and are shown without breaking the output', async () => {
    // UTF-8 cut in the middle, Latin-1, an escape sequence: what a shell gets must be exactly these.
    const bytes = Buffer.from([0xff, 0xfe, 0x20, 0xc3, 0x28, 0xe9, 0x1b, 0x5b, 0x33, 0x31, 0x6d]);
    const command = Buffer.concat([
      Buffer.from("printf %s '"),
      bytes,
      Buffer.from(`' | od -An -tx1 | tr -d ' \\n' > ${place.work}/bytes.hex; exit 1`),
    ]);
    await place.ok(['add', '-i', 'bytes', '-r', '0'], { stdin: Buffer.concat([command, Buffer.from('\n')]) });
    const [job] = await place.settled('bytes', 1);
    assert.equal(job?.Exitcode, 1);
    const { stdout: hex } = await place.spawn('cat', [join(place.work, 'bytes.hex')]).finished;
    assert.equal(hex, bytes.toString('hex'));
    const shown = await place.ok(['status', '-i', 'bytes']);
    assert.ok(!shown.stdout.includes('\u001b'), 'no control character reaches the terminal');
    assert.match(shown.stdout, /^# printf %s '.*od -An/m);
    // The same bytes are the same command, other ones that look alike are not.
    const again = await place.wr(['add', '-i', 'bytes'], { stdin: command });
    assert.match(again.stderr, /Added 0 new commands \(1 were duplicates\)/);
  });

  it('lose the carriage return of a CRLF line end, and no other one', async () => {
    await place.ok(['add', '-i', 'crlf', '-r', '0'], {
      stdin: `exit 3\r\n{"cmd":"exit 4"}\r\nprintf 'a\rb' | od -An -c > ${place.work}/cr; exit 5\r\n`,
    });
    const jobs = await place.settled('crlf', 3);
    assert.deepEqual(jobs.map(({ Exitcode }) => Exitcode).sort(), [3, 4, 5]);
    assert.deepEqual(
      place.lines('cr').map((line) => line.trim().split(/\s+/)),
      [['a', '\\r', 'b']],
    );
  });

  it('are buried, saying why, when the kernel takes no arguments that long', async () => {
    await place.ok(['add', '-i', 'too-long'], { stdin: `true ${'x'.repeat(3 * MEBIBYTE)}` });
    const [job] = await place.settled('too-long', 1);
    assert.deepEqual([job?.State, job?.FailReason], ['buried', 'command line too long']);
  });
});

/** Whether everybody may read a file and pass through all directories above it. */
function isOpenToAll(path: string): boolean {
  return (statSync(path).mode & 0o004) !== 0 && isPassable(dirname(path));
}

function isPassable(directory: string): boolean {
  const above = dirname(directory);
  return (statSync(directory).mode & 0o001) !== 0 && (above === directory || isPassable(above));
}
