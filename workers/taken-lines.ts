/** What a walk over the lines of a frame gathers: columns, one entry a command, that grow with {@link makeRoom}. */
import type { WrError } from '../core/errors.ts';
import type { LineTemplate } from '../core/job-line.ts';
import { DIGEST_WORDS } from '../core/md5.ts';
import type { ArrayLine } from './array-line.ts';
import { DeltaColumn } from './delta-column.ts';

/** Commands that the columns have room for at first, as a part of the bytes of a frame. */
const BYTES_PER_COMMAND = 64;

export interface TakenLines {
  /** Input lines walked, blank ones included; with an error, up to and including the bad one. */
  lines: number;
  /** Commands. What the columns hold beyond them has no meaning. */
  count: number;
  /** Commands that the columns have room for. */
  capacity: number;
  /** Four words a command. */
  keys: Uint32Array<ArrayBuffer>;
  commandLengths: Uint32Array<ArrayBuffer>;
  /** All commands, one after the other; what follows them has no meaning. */
  readonly commands: Buffer;
  commandBytes: number;
  /** `null`: every command has template 0. */
  templateIndex: Uint32Array<ArrayBuffer> | null;
  /** `null`: every command has its template's. */
  priorities: Uint8Array<ArrayBuffer> | null;
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
  return {
    ...empty(Math.ceil(bytes.length / BYTES_PER_COMMAND)),
    commands: Buffer.allocUnsafe(bytes.length),
  };
}

/** For the lines behind an array. @param from - where its own line ends */
export function takeBehind(taken: TakenLines, array: ArrayLine, from: number): TakenLines {
  // What the commands so far have not filled is enough for the others.
  const commands = taken.commands.subarray(taken.commandBytes);
  return { ...empty(1), commands, lines: 1, array, from };
}

function empty(capacity: number): Omit<TakenLines, 'commands'> {
  return {
    lines: 0,
    count: 0,
    capacity,
    keys: new Uint32Array(DIGEST_WORDS * capacity),
    commandLengths: new Uint32Array(capacity),
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

/** For one command more, before anything of it is written. */
export function makeRoom(taken: TakenLines): void {
  if (taken.count < taken.capacity) return;
  const capacity = 2 * taken.capacity + 1;
  taken.capacity = capacity;
  taken.keys = grown(taken.keys, DIGEST_WORDS * capacity);
  taken.commandLengths = grown(taken.commandLengths, capacity);
  if (taken.templateIndex !== null) taken.templateIndex = grown(taken.templateIndex, capacity);
  if (taken.priorities !== null) {
    const priorities = new Uint8Array(capacity);
    priorities.set(taken.priorities);
    taken.priorities = priorities;
  }
}

function grown(column: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(length);
  longer.set(column);
  return longer;
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
  if (priority !== null) taken.priorities ??= new Uint8Array(taken.capacity).fill(usual, 0, at);
  if (taken.priorities !== null) taken.priorities[at] = priority ?? usual;
}

/** The column of deltas, begun with the first command that needs it. */
export function deltasOf(taken: TakenLines): DeltaColumn {
  taken.deltas ??= new DeltaColumn(taken.count, taken.commands.length);
  return taken.deltas;
}
