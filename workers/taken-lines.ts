/** What a walk over the lines of a frame gathers: columns, one entry a command. */

import type { WrError } from '../core/errors.ts';
import type { ArrayLine } from './array-part.ts';

export interface TakenLines {
  /** Input lines walked, blank ones included; with an error, up to and including the bad one. */
  lines: number;
  /** A key a command: 16 characters, each a byte. */
  readonly keys: string[];
  readonly commandLengths: number[];
  /** All commands, one after the other; what follows them has no meaning. */
  readonly commands: Buffer;
  commandBytes: number;
  /** `null`: every command has template 0. */
  templateIndex: number[] | null;
  /** `null`: every command has its template's. */
  priorities: number[] | null;
  /** JSON a command, '' for none; `null`: no command has any. */
  deltas: string[] | null;
  usedDefaultRepGroup: boolean;
  /** The array that stands before the first of these lines; `null`: they are the first. */
  readonly array: ArrayLine | null;
  /** Where in the frame these lines begin, but for that of the array, and where they end. */
  readonly from: number;
  to: number;
  /** What is wrong with line `lines`. */
  error: WrError | null;
}

/** @param capacity - bytes of the frame: commands take no more, as JSON is never shorter than what it stands for */
export function takeNothing(capacity: number): TakenLines {
  return {
    lines: 0,
    keys: [],
    commandLengths: [],
    commands: Buffer.allocUnsafe(capacity),
    commandBytes: 0,
    templateIndex: null,
    priorities: null,
    deltas: null,
    usedDefaultRepGroup: false,
    array: null,
    from: 0,
    to: Number.POSITIVE_INFINITY,
    error: null,
  };
}

/** For the lines behind an array. @param from - where its own line ends */
export function takeBehind(taken: TakenLines, array: ArrayLine, from: number): TakenLines {
  return {
    ...takeNothing(0),
    // What the commands so far have not filled is enough for the others.
    commands: taken.commands.subarray(taken.commandBytes),
    lines: 1,
    array,
    from,
  };
}
