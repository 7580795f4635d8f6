/** Cuts a stream of bytes into chunks that end at a line end, reusing one buffer (design §4). */
import type { Chunk } from './add-stream.ts';

const LF = 10;

/** Fills a part of a buffer; resolves with the number of bytes, 0 at the end. */
export type Fill = (buffer: Uint8Array, offset: number) => Promise<number>;

/**
 * Chunks of at most `bytesMax` bytes: whole lines, or a part of a line that is longer than that.
 * A chunk's bytes are overwritten when the next one is asked for.
 */
export async function* lineChunks(fill: Fill, bytesMax: number): AsyncGenerator<Chunk, void, undefined> {
  const buffer = Buffer.allocUnsafe(bytesMax);
  let filled = 0;
  let unfinished = false;
  for (;;) {
    const count = await fill(buffer, filled);
    filled += count;
    if (count === 0) {
      // Whoever was promised more of a line hears that it is over, if only by nothing.
      if (filled > 0 || unfinished) yield { bytes: buffer.subarray(0, filled), more: false };
      return;
    }
    if (filled < bytesMax) continue;
    const end = buffer.lastIndexOf(LF) + 1;
    unfinished = end === 0;
    if (unfinished) {
      yield { bytes: buffer, more: true };
      filled = 0;
    } else {
      yield { bytes: buffer.subarray(0, end), more: false };
      buffer.copyWithin(0, end, filled);
      filled -= end;
    }
  }
}
