import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { arrayInput } from '../../cli/array-input.ts';
import { inputOf } from '../../cli/command-input.ts';
import { readKeys } from '../../cli/keys-of-file.ts';
import { main } from '../../cli/main.ts';
import { onlyCommand } from '../../cli/sync.ts';
import { jobKeyHex } from '../../core/identity.ts';
import { DEFAULT_JOB_OPTIONS } from '../../core/job-options.ts';
import { FakeLink, fakeContext, never } from './fake-link.ts';

async function textOf(input: ReturnType<typeof arrayInput>): Promise<string> {
  const buffer = Buffer.alloc(1000);
  return buffer.toString('utf8', 0, await input?.fill(buffer, 0));
}

describe('wr add --array', () => {
  it('is the input line that says the same', async () => {
    const input = arrayInput({ array: '1-3' }, ['echo "{}"\tü']);
    assert.deepEqual(JSON.parse(await textOf(input)), { cmd: 'echo "{}"\tü', array: '1-3' });
    assert.equal(input?.rewind(), true);
    assert.match(await textOf(input), /"array":"1-3"/);
    assert.equal(arrayInput({}, ['stray']), null);
  });

  it('refuses what contradicts it, before it connects', async () => {
    const refusals: readonly (readonly [readonly string[], RegExp])[] = [
      [['--array', '1-3', '-f', 'x', 'a {}'], /--array and --file are mutually exclusive/],
      [['--array', '1-3', '-f', '-', 'a {}'], /--array and --file are mutually exclusive/],
      [['--array', '1-3', '--sync', 'a {}'], /--sync waits for one command: it does not go with --array/],
      [['--array', '1-3'], /--array needs its command as one quoted argument: wr add --array 1-3 'cmd \{\}'/],
      [['--array', '1-3', ''], /--array needs its command as one quoted argument/],
      [['--array', '1-3', 'echo', '{}'], /--array needs its command as one quoted argument/],
      [['--array', '', 'a {}'], /--array value \(\).*at least one index/],
      [['--array', '3-1', 'a {}'], /--array value \(3-1\).*no index/],
      [['--array', '1-100000000', 'a {}'], /--array value \(1-100000000\).*at most 10000000 commands/],
    ];
    for (const [argv, message] of refusals) {
      const context = fakeContext(() => {
        throw new Error('it connected');
      });
      assert.equal(await main('wr', ['add', ...argv], context), 1, argv.join(' '));
      assert.match(context.stderr(), message);
    }
  });

  it('sends one line, whatever the number of indexes', async () => {
    const link = new FakeLink((request) =>
      request.type === 'addEnd'
        ? {
            type: 'added',
            id: request.id,
            added: 10,
            queued: 0,
            complete: 0,
            usedDefaultRepGroup: true,
            warnings: [],
            bsubId: 0,
          }
        : request.type === 'managerStatus'
          ? ({ type: 'managerStatus', id: request.id, address: '127.0.0.1:1' } as never)
          : never(),
    );
    const context = fakeContext(link);
    assert.equal(await main('wr', ['add', '--array', '1-1000000', 'a {}', '-p', '3'], context), 0);
    const frames = link.told.filter((message) => message.type === 'addFrame');
    assert.deepEqual(
      frames.map(({ bytes }) => Buffer.from(bytes).toString()),
      ['{"cmd":"a {}","array":"1-1000000"}\n'],
    );
    assert.match(context.stderr(), /Added 10 new commands/);
  });
});

describe('a line that stands for an array', () => {
  const input = (text: string) => inputOf(Buffer.from(text), 'test');

  it('is no single command to wait for', async () => {
    for (const text of ['{"cmd":"a {}","array":"1-3"}', 'a {}\t{"Array":"1"}\n'])
      await assert.rejects(onlyCommand(input(text)), /--sync needs exactly one command, not an array/);
    assert.equal((await onlyCommand(input('{"cmd":"echo \\"array\\""}'))).byteLength, 24);
  });

  it('names each of its commands to those that select by a file', async () => {
    const keys: string[] = [];
    await readKeys(
      input('x\n{"cmd":"run","array":"1-2"}\na {}\t{"array":"7"}'),
      DEFAULT_JOB_OPTIONS,
      'production',
      (cmd, options) => keys.push(jobKeyHex(cmd, options)),
    );
    const expected = ['x', 'export WR_ARRAY_INDEX=1; run', 'export WR_ARRAY_INDEX=2; run', 'a 7'];
    assert.deepEqual(
      keys,
      expected.map((cmd) => jobKeyHex(cmd, DEFAULT_JOB_OPTIONS)),
    );
  });
});
