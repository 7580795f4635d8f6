import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lineChunks } from '../../cli/line-chunks.ts';
import { chooseSeed, seeded } from '../random.ts';

interface Copy {
  readonly bytes: Buffer;
  readonly more: boolean;
}

async function cut(text: string, bytesMax: number, readMax = Number.POSITIVE_INFINITY): Promise<Copy[]> {
  const input = Buffer.from(text);
  let at = 0;
  const fill = async (buffer: Uint8Array, offset: number): Promise<number> => {
    const count = input.copy(buffer, offset, at, Math.min(input.byteLength, at + readMax));
    at += count;
    return count;
  };
  const chunks: Copy[] = [];
  for await (const { bytes, more } of lineChunks(fill, bytesMax))
    chunks.push({ bytes: Buffer.from(bytes), more });
  return chunks;
}

const texts = (chunks: readonly Copy[]) => chunks.map(({ bytes, more }) => `${bytes}${more ? '…' : ''}`);

describe('lineChunks', () => {
  it('cuts behind the last line end that fits', async () => {
    assert.deepEqual(texts(await cut('ab\ncd\nef\ngh', 7)), ['ab\ncd\n', 'ef\ngh']);
  });

  it('gives a line that does not fit in parts', async () => {
    assert.deepEqual(texts(await cut('abcdefghij\nk\n', 4)), ['abcd…', 'efgh…', 'ij\n', 'k\n']);
  });

  it('ends a line of parts even when nothing is left of it', async () => {
    assert.deepEqual(texts(await cut('abcdefgh', 4)), ['abcd…', 'efgh…', '']);
  });

  it('gives nothing of nothing', async () => {
    assert.deepEqual(await cut('', 4), []);
  });

  it('loses and splits nothing, whatever the sizes', async () => {
    const seed = chooseSeed();
    const next = seeded(seed);
    const random = (below: number): number => Math.floor(next() * below);
    for (let round = 0; round < 300; round += 1) {
      const lines = Array.from({ length: random(12) }, () => 'x'.repeat(random(random(4) === 0 ? 40 : 8)));
      const text = lines.join('\n') + (random(2) === 0 ? '\n' : '');
      const chunks = await cut(text, 1 + random(20), 1 + random(9));
      assert.equal(Buffer.concat(chunks.map(({ bytes }) => bytes)).toString(), text, `seed ${seed}`);
      let inLine = false;
      for (const [i, { bytes, more }] of chunks.entries()) {
        const last = i === chunks.length - 1;
        if (!more && !last) assert.equal(bytes.at(-1), 10, `seed ${seed}: a chunk ends inside a line`);
        if (last) assert.equal(more, false, `seed ${seed}: more was promised at the end`);
        inLine = more;
      }
      assert.equal(inLine, false);
    }
  });
});
