import assert from 'node:assert/strict';
import {
  appendFileSync,
  createReadStream,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

describe('a file that does not stay what it was while it is read', () => {
  let directory = '';
  let path = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'wr-input-'));
    path = join(directory, 'commands');
  });
  after(() => rmSync(directory, { recursive: true }));

  const LINES = 'rm -rf /data/tmp\n'.repeat(20);
  const byName = (): Promise<CommandInput> => openInput(path);
  const byShell = (): Promise<CommandInput> =>
    openInput(
      '-',
      createReadStream('', { fd: openSync(path, 'r'), autoClose: false, highWaterMark: 64 }) as never,
    );
  /** Reads a part, lets something happen to the file, and reads on. */
  const readAround = async (open: () => Promise<CommandInput>, meddle: () => void): Promise<string> => {
    writeFileSync(path, LINES);
    const input = await open();
    try {
      const first = Buffer.alloc(64);
      const count = await input.fill(first, 0);
      meddle();
      return first.toString('utf8', 0, count) + (await readAll(input));
    } finally {
      await input.close();
    }
  };

  for (const [name, open] of [
    ['named', byName],
    ['given as STDIN', byShell],
  ] as const) {
    it(`is refused when ${name}: cut short, emptied, longer, or written anew`, async () => {
      const changed = { code: 'BAD_INPUT', message: /(commands|STDIN) was changed while it was read/ };
      assert.equal(await readAround(open, () => undefined), LINES);
      await assert.rejects(
        readAround(open, () => truncateSync(path, 211)),
        { ...changed, message: /it had 340 bytes and now has 211/ },
      );
      await assert.rejects(
        readAround(open, () => writeFileSync(path, '')),
        changed,
      );
      await assert.rejects(
        readAround(open, () => appendFileSync(path, 'rm -rf /da')),
        changed,
      );
      const rewrite = (): void => {
        writeFileSync(path, LINES.toUpperCase());
        utimesSync(path, new Date(), new Date(Date.now() + 5_000));
      };
      await assert.rejects(readAround(open, rewrite), changed);
    });
  }

  it('is read all the same when the system makes it up, and it has no size', async () => {
    const input = await openInput('/proc/self/status');
    assert.equal(input.size, 0);
    assert.match(await readAll(input), /^Name:/);
    await input.close();
  });
});
