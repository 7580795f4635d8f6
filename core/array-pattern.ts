/**
 * The commands of an array: one text in which each `{}` stands for the index.
 *
 * A text without `{}` is a command that looks at WR_ARRAY_INDEX. All of its commands would be the same one to everybody
 * who asks for them by their text, and to wr itself; so the variable is set in front, where it can be seen.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { WrError } from './errors.ts';
import type { IdentityFrame } from './identity.ts';
import { LINE_BYTES_MAX } from './protocol.ts';

/** What commands of an array find their index in. */
export const ARRAY_VARIABLE = 'WR_ARRAY_INDEX';
const HOLE = Buffer.from('{}');
const PREFIX = Buffer.from(`export ${ARRAY_VARIABLE}={}; `);
const INDEX_DIGITS_MAX = 10;

/**
 * The pattern of a command as typed.
 * @throws {WrError} BAD_OPTION when its commands would be too long
 */
export function arrayPattern(cmd: Uint8Array): Uint8Array {
  const pattern = hasHole(cmd) ? cmd : Buffer.concat([PREFIX, cmd]);
  const holes = piecesOf(pattern).length - 1;
  if (pattern.length + holes * INDEX_DIGITS_MAX > LINE_BYTES_MAX)
    throw new WrError('BAD_OPTION', `array: its commands would be longer than ${LINE_BYTES_MAX} bytes`);
  return pattern;
}

/** Whether the index shows in the command by itself. */
export function hasHole(cmd: Uint8Array): boolean {
  return Buffer.from(cmd.buffer, cmd.byteOffset, cmd.byteLength).includes(HOLE);
}

/** What stands before, between and after the places for the index. */
function piecesOf(pattern: Uint8Array): Buffer[] {
  const bytes = Buffer.from(pattern.buffer, pattern.byteOffset, pattern.byteLength);
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(HOLE); at >= 0; at = bytes.indexOf(HOLE, from)) {
    pieces.push(bytes.subarray(from, at));
    from = at + HOLE.length;
  }
  return [...pieces, bytes.subarray(from)];
}

/** Makes the commands of a pattern. */
export class ArrayCommands {
  readonly #pieces: readonly Buffer[];

  constructor(pattern: Uint8Array) {
    this.#pieces = piecesOf(pattern);
  }

  command(index: number): Uint8Array {
    const text = Buffer.from(String(index));
    return Buffer.concat(this.#pieces.flatMap((piece, i) => (i === 0 ? [piece] : [text, piece])));
  }
}

/**
 * Makes the keys of a pattern's commands, which is nearly all that adding them takes.
 * @param identity - what stands around every command in its identity
 * @returns by index, 16 characters, each a byte
 */
export function arrayKeys(pattern: Uint8Array, identity: IdentityFrame): (index: number) => string {
  const pieces = piecesOf(pattern);
  if (!isUtf8(pattern)) {
    // The bytes are no characters of a string.
    const commands = new ArrayCommands(pattern);
    const [before, after] = [Buffer.from(identity.before), Buffer.from(identity.after)];
    return (index) => hash('md5', Buffer.concat([before, commands.command(index), after]), 'binary');
  }
  const encoding = isAscii(pattern) ? 'latin1' : 'utf8';
  const [head = '', ...rest] = pieces.map((piece) => piece.toString(encoding));
  const first = identity.before + head;
  const last = (rest.at(-1) ?? '') + identity.after;
  if (rest.length === 1) return (index) => hash('md5', first + index + last, 'binary');
  const between = rest.slice(0, -1);
  return (index) => {
    let text = first;
    for (const piece of between) text += index + piece;
    return hash('md5', text + index + last, 'binary');
  };
}
