/**
 * The walk over a frame of nothing but plain commands, which is what most files are.
 *
 * Nearly all of its time goes into one MD5 a line; the rest is arranged around that. One pass over the bytes finds the line
 * ends, copies the commands together and puts a dot in place of every line end in a copy. As a string of one byte a
 * character that copy holds the identity strings of all commands (`<cmd>.`), to be cut out without joining anything.
 */
import { isAscii } from 'node:buffer';
import { hash } from 'node:crypto';
import type { IdentityFrame } from '../core/identity.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import { type TakenLines, takeNothing } from './taken-lines.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const BRACE = 0x7b;

/**
 * @param identity - what stands around every command in its identity string
 * @returns `null` for a frame with anything else in it than plain commands: a TAB, a line that begins with `{`, a CR, a NUL
 */
export function takePlainLines(bytes: Buffer, identity: IdentityFrame): TakenLines | null {
  if (bytes[0] === BRACE || bytes.includes(TAB) || bytes.includes(CR) || bytes.includes(0)) return null;
  const taken = takeNothing(bytes.length);
  const ends = new Uint32Array(bytes.length + 1);
  // One more, for the last line when it has no end.
  const dotted = Buffer.allocUnsafe(bytes.length + 1);
  dotted[bytes.length] = DOT;
  bytes.copy(dotted);
  const lines = findLines(bytes, taken.commands, dotted, ends);
  if (lines < 0) return null;
  taken.lines = lines;
  hashLines(taken, dotted, ends, identity);
  taken.usedDefaultRepGroup = taken.keys.length > 0;
  return taken;
}

/** @returns how many lines there are, their ends in `ends`; −1 when one of them is not plain */
function findLines(bytes: Uint8Array, commands: Uint8Array, dotted: Uint8Array, ends: Uint32Array): number {
  let lines = 0;
  let start = 0;
  let to = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    // Written in any case, and overwritten when it was a line end: one branch a byte less.
    commands[to] = byte;
    if (byte !== LF) {
      to += 1;
      continue;
    }
    if (bytes[start] === BRACE || at - start > LINE_BYTES_MAX) return -1;
    dotted[at] = DOT;
    ends[lines] = at;
    lines += 1;
    start = at + 1;
  }
  if (start === bytes.length) return lines;
  ends[lines] = bytes.length;
  return bytes[start] === BRACE || bytes.length - start > LINE_BYTES_MAX ? -1 : lines + 1;
}

function hashLines(
  taken: TakenLines,
  dotted: Buffer,
  ends: Uint32Array,
  { before, after }: IdentityFrame,
): void {
  const { keys, commandLengths, lines } = taken;
  const text = dotted.toString('latin1');
  const isAllAscii = isAscii(dotted);
  const isBare = before === '' && after === '.';
  let start = 0;
  for (let line = 0; line < lines; line += 1) {
    const end = ends[line] as number;
    if (end > start) {
      commandLengths.push(end - start);
      if (!isAllAscii && !isAscii(dotted.subarray(start, end))) {
        // These bytes are no characters of the string; they may not even be UTF-8.
        keys.push(hash('md5', wrapped(before, dotted.subarray(start, end), after), 'binary'));
      } else if (isBare) {
        keys.push(hash('md5', text.substring(start, end + 1), 'binary'));
      } else {
        keys.push(hash('md5', before + text.substring(start, end) + after, 'binary'));
      }
    }
    start = end + 1;
  }
  // The commands end where the last of them does, for they were copied without their line ends.
  taken.commandBytes = commandLengths.reduce((sum, length) => sum + length, 0);
}

function wrapped(before: string, cmd: Uint8Array, after: string): Uint8Array {
  return Buffer.concat([Buffer.from(before), cmd, Buffer.from(after)]);
}
