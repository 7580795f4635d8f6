/** Lines of an input that is typed or piped in, as they come. */
import { isUtf8 } from 'node:buffer';
import { WrError } from '../../core/errors.ts';
import type { Fill } from '../line-chunks.ts';

const LF = 10;
const CR = 13;
const READ_BYTES = 64 * 1024;

/**
 * Each line without its end.
 * @throws {WrError} BAD_INPUT when a line is not UTF-8: the command could not be kept as it is
 */
export async function* inputLines(fill: Fill): AsyncGenerator<string, void, undefined> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let open: Buffer = Buffer.alloc(0);
  let number = 0;
  for (;;) {
    const count = await fill(buffer, 0);
    let bytes = Buffer.concat([open, buffer.subarray(0, count)]);
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF)) {
      yield textOf(bytes.subarray(0, end), ++number);
      bytes = bytes.subarray(end + 1);
    }
    open = bytes;
    if (count > 0) continue;
    if (open.length > 0) yield textOf(open, ++number);
    return;
  }
}

function textOf(line: Buffer, number: number): string {
  if (!isUtf8(line))
    throw new WrError('BAD_INPUT', `line ${number} of the script is not UTF-8`, { hint: '' });
  return line.toString('utf8', 0, line.at(-1) === CR ? line.length - 1 : line.length);
}
