/** What a walk over the lines of a frame gathers: columns, one entry a command. */
import type { WrError } from '../core/errors.ts';
import type { LineTemplate } from '../core/job-line.ts';
import { DIGEST_WORDS } from '../core/md5.ts';
import type { ArrayLine } from './array-line.ts';
import { DeltaColumn } from './delta-column.ts';

const LF = 0x0a;

export interface TakenLines {
  /** Input lines walked, blank ones included; with an error, up to and including the bad one. */
  lines: number;
  /** Commands. What the columns hold beyond them has no meaning. */
  count: number;
  /** Commands that the columns have room for. */
  readonly capacity: number;
  /** Four words a command. */
  readonly keys: Uint32Array;
  readonly commandLengths: Uint32Array;
  /** All commands, one after the other; what follows them has no meaning. */
  readonly commands: Buffer;
  commandBytes: number;
  /** `null`: every command has template 0. */
  templateIndex: Uint32Array | null;
  /** `null`: every command has its template's. */
  priorities: Uint8Array | null;
  /** `null`: no command has any. */
  deltas: DeltaColumn | null;
  usedDefaultRepGroup: boolean;
  /** The array that stands before the first of these lines; `null`: they are the first. */
  readonly array: ArrayLine | null;
  /** Where in the frame these lines begin, but for that of the array, and where they end. */
  readonly from: number;
  to: number;
  /** What is wrong with line `lines`. */
  error: WrError | null;
}

/** For the lines of a frame: commands take no more bytes than it has, as JSON is never shorter than what it stands for. */
export function takeNothing(bytes: Uint8Array): TakenLines {
  const capacity = countLines(bytes);
  return {
    lines: 0,
    count: 0,
    capacity,
    keys: new Uint32Array(DIGEST_WORDS * capacity),
    commandLengths: new Uint32Array(capacity),
    commands: Buffer.allocUnsafe(bytes.length),
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
  const { count, capacity } = taken;
  return {
    lines: 1,
    count: 0,
    // What the commands so far have not filled is enough for the others.
    capacity: capacity - count,
    keys: taken.keys.subarray(DIGEST_WORDS * count),
    commandLengths: taken.commandLengths.subarray(count),
    commands: taken.commands.subarray(taken.commandBytes),
    commandBytes: 0,
    templateIndex: null,
    priorities: null,
    deltas: null,
    usedDefaultRepGroup: false,
    array,
    from,
    to: Number.POSITIVE_INFINITY,
    error: null,
  };
}

/** Counts a command whose key and bytes stand in the columns. @param priority - `null`: the template's */
export function takeCommand(
  taken: TakenLines,
  length: number,
  template: LineTemplate,
  priority: number | null,
): void {
  const at = taken.count;
  taken.commandLengths[at] = length;
  taken.commandBytes += length;
  taken.count += 1;
  // The optional columns begin with the first command that needs them; those before went without.
  if (template.index > 0) taken.templateIndex ??= new Uint32Array(taken.capacity);
  if (taken.templateIndex !== null) taken.templateIndex[at] = template.index;
  const { priority: usual } = template.options;
  if (priority !== null) taken.priorities ??= new Uint8Array(taken.capacity).fill(usual);
  if (taken.priorities !== null) taken.priorities[at] = priority ?? usual;
}

/** The column of deltas, begun with the first command that needs it. */
export function deltasOf(taken: TakenLines): DeltaColumn {
  taken.deltas ??= new DeltaColumn(taken.capacity, taken.commands.length);
  return taken.deltas;
}

/** Lines of a frame, the last of which may lack its end. */
function countLines(bytes: Uint8Array): number {
  let lines = 1;
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] === LF) lines += 1;
  return lines;
}
