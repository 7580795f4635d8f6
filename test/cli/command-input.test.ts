import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { type CommandInput, openInput } from '../../cli/command-input.ts';

const BOM = '\ufeff';

async function readAll(input: CommandInput): Promise<string> {
  const buffer = Buffer.alloc(64);
  const parts: Buffer[] = [];
  for (;;) {
    const count = await input.fill(buffer, 0);
    if (count === 0) return Buffer.concat(parts).toString();
    parts.push(Buffer.from(buffer.subarray(0, count)));
  }
}

describe('a byte order mark before the first command', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'wr-input-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  const fromFile = (content: string): Promise<CommandInput> => {
    const path = join(directory, 'commands');
    writeFileSync(path, content);
    return openInput(path);
  };
  /** A pipe that gives a byte at a time. */
  const fromPipe = (content: string): Promise<CommandInput> =>
    openInput('-', Readable.from([...Buffer.from(content)].map((byte) => Buffer.of(byte))) as never);

  for (const [name, open] of [
    ['file', fromFile],
    ['pipe', fromPipe],
  ] as const) {
    it(`is left out of a ${name}, again when it is read again`, async () => {
      const input = await open(`${BOM}true 1\ntrue 2\n`);
      assert.equal(await readAll(input), 'true 1\ntrue 2\n');
      assert.ok(input.rewind());
      assert.equal(await readAll(input), 'true 1\ntrue 2\n');
      await input.close();
    });

    it(`leaves everything else of a ${name} as it is`, async () => {
      for (const content of ['', 'a', 'ab', 'abc', `a${BOM}b\n`, '\u00ef\u00bb\u00bf']) {
        const input = await open(content);
        assert.equal(await readAll(input), content);
        await input.close();
      }
      const input = await open(BOM);
      assert.equal(await readAll(input), '');
      await input.close();
    });
  }
});
