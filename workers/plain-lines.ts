/**
 * The walk over a frame of nothing but plain commands, which is what most files are. One pass over the bytes finds the
 * line ends and copies the commands together; the other hashes each command where it stands.
 */
import type { IdentityFrame } from '../core/identity.ts';
import { DIGEST_WORDS, Md5Text } from '../core/md5.ts';
import { LINE_BYTES_MAX } from '../core/protocol.ts';
import { makeRoom, type TakenLines, takeNothing } from './taken-lines.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const BRACE = 0x7b;

/**
 * @param identity - what stands around every command in its identity string
 * @returns `null` for a frame with anything else in it than plain commands: a TAB, a line that begins with `{`, a CR, a NUL
 */
export function takePlainLines(bytes: Buffer, identity: IdentityFrame): TakenLines | null {
  if (bytes[0] === BRACE || bytes.includes(TAB) || bytes.includes(CR) || bytes.includes(0)) return null;
  const taken = takeNothing(bytes);
  if (!findLines(bytes, taken)) return null;
  hashCommands(taken, identity);
  taken.usedDefaultRepGroup = taken.count > 0;
  return taken;
}

/** Copies the commands and notes how long they are. @returns whether all lines are plain */
function findLines(bytes: Uint8Array, taken: TakenLines): boolean {
  const { commands } = taken;
  let lines = 0;
  let start = 0;
  let to = 0;
  for (let at = 0; at <= bytes.length; at += 1) {
    const byte = at < bytes.length ? (bytes[at] as number) : LF;
    // Written in any case, and overwritten when it was a line end: one branch a byte less.
    commands[to] = byte;
    if (byte !== LF) {
      to += 1;
      continue;
    }
    if (start === bytes.length) break; // The last line had its end.
    const length = at - start;
    if (bytes[start] === BRACE || length > LINE_BYTES_MAX) return false;
    if (length > 0) {
      makeRoom(taken);
      taken.commandLengths[taken.count] = length;
      taken.count += 1;
    }
    lines += 1;
    start = at + 1;
  }
  taken.lines = lines;
  taken.commandBytes = to;
  return true;
}

function hashCommands(taken: TakenLines, { before, after }: IdentityFrame): void {
  const { commands, commandLengths, keys, count } = taken;
  const text = new Md5Text();
  const front = Buffer.from(before);
  const back = Buffer.from(after);
  let from = 0;
  for (let command = 0; command < count; command += 1) {
    const to = from + (commandLengths[command] as number);
    text.append(front, 0, front.length);
    text.append(commands, from, to);
    text.append(back, 0, back.length);
    text.take(keys, DIGEST_WORDS * command);
    from = to;
  }
}
